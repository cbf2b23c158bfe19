// What stands in for jest, vitest and mocha: the words of each, with the matchers and stand-in functions of the packages that
// the project itself has installed. What of them is not here fails the test, which then is not searched in this way.

import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { NODE, Skipped, stand_in, words } from './suite.mjs';

/** The way in which tests are called, what files find when they import the runner, and what they find without. */
export async function runner(kind, root, current) {
  switch (kind) {
    case 'jest':
      return jest(root, current);
    case 'vitest':
      return vitest(root, current);
    case 'mocha':
      return mocha(current);
    default: {
      const given = stand_in(current);
      return { style: NODE, modules: { 'node:test': given }, globals: {}, kept: [] };
    }
  }
}

/** Loads a package that the project or one of these packages of its own has. */
function finder(root, through) {
  const from = [path.join(root, 'package.json')];
  for (const name of through) {
    for (const known of [...from]) {
      try {
        from.push(createRequire(known).resolve(name));
        break;
      } catch {}
    }
  }
  return (name) => {
    let failed;
    for (const place of from) {
      try {
        return createRequire(place).resolve(name);
      } catch (error) {
        failed = error;
      }
    }
    throw failed;
  };
}

async function jest(root, current) {
  const find = finder(root, ['jest/package.json', '@jest/core', 'jest-cli', 'jest-config', 'jest-circus', 'jest-environment-node', '@jest/globals']);
  const require = createRequire(path.join(root, 'package.json'));
  const { expect } = require(find('expect'));
  const { ModuleMocker } = require(find('jest-mock'));
  const mocker = new ModuleMocker(globalThis);
  let timers = null;
  const clock = () => {
    timers ??= new (require(find('@jest/fake-timers')).ModernFakeTimers)({ config: { fakeTimers: {}, rootDir: root }, global: globalThis });
    return timers;
  };
  const own = {
    fn: (body) => mocker.fn(body),
    spyOn: (...args) => mocker.spyOn(...args),
    replaceProperty: (...args) => mocker.replaceProperty(...args),
    mocked: (value) => value,
    isMockFunction: (value) => mocker.isMockFunction(value),
    clearAllMocks: () => mocker.clearAllMocks(),
    resetAllMocks: () => mocker.resetAllMocks(),
    restoreAllMocks: () => mocker.restoreAllMocks(),
    setTimeout: () => own,
    retryTimes: () => own,
    useFakeTimers: (options) => (clock().useFakeTimers(options), own),
    useRealTimers: () => (clock().useRealTimers(), own),
  };
  for (const name of ['advanceTimersByTime', 'advanceTimersByTimeAsync', 'advanceTimersToNextTimer', 'runAllTimers', 'runAllTimersAsync', 'runOnlyPendingTimers', 'runOnlyPendingTimersAsync', 'runAllTicks', 'clearAllTimers', 'getTimerCount', 'setSystemTime', 'getRealSystemTime', 'now']) {
    own[name] = (...args) => clock()[name](...args);
  }
  const { test, describe, before, after, beforeEach, afterEach } = words(current);
  const given = {
    test,
    it: test,
    describe,
    xit: test.skip,
    xtest: test.skip,
    fit: test,
    xdescribe: describe.skip,
    fdescribe: describe,
    beforeAll: before,
    afterAll: after,
    beforeEach,
    afterEach,
    expect,
    jest: own,
  };
  const style = {
    ...NODE,
    collects: true,
    callback: 1,
    context: () => undefined,
    begin: () => {
      expect.setState({ assertionCalls: 0, expectedAssertionsNumber: null, isExpectingAssertions: false, suppressedErrors: [], numPassingAsserts: 0 });
    },
    end: () => {
      for (const { error } of expect.extractExpectedAssertionsErrors()) {
        throw error;
      }
    },
  };
  return { style: cleaned(style, () => timers?.useRealTimers()), modules: { '@jest/globals': given }, globals: given };
}

async function vitest(root, current) {
  const find = finder(root, ['vitest/package.json']);
  const load = (name) => import(pathToFileURL(find(name)).href);
  const chai = await esm(root, 'chai', find);
  const { JestAsymmetricMatchers, JestChaiExpect, JestExtend, getState, setState, GLOBAL_EXPECT, ASYMMETRIC_MATCHERS_OBJECT } = await esm(root, '@vitest/expect', find);
  const spies = await esm(root, '@vitest/spy', find);
  chai.use(JestExtend);
  chai.use(JestChaiExpect);
  chai.use(JestAsymmetricMatchers);
  const expect = (value, message) => {
    const { assertionCalls } = getState(expect);
    setState({ assertionCalls: assertionCalls + 1 }, expect);
    return chai.expect(value, message);
  };
  Object.assign(expect, chai.expect, globalThis[ASYMMETRIC_MATCHERS_OBJECT]);
  expect.getState = () => getState(expect);
  expect.setState = (state) => setState(state, expect);
  expect.extend = (matchers) => chai.expect.extend(expect, matchers);
  expect.soft = expect;
  expect.unreachable = (message) => chai.assert.fail(`expected ${message ? `"${message}" ` : ''}not to be reached`);
  expect.assertions = (expected) => setState({ expectedAssertionsNumber: expected }, expect);
  expect.hasAssertions = () => setState({ isExpectingAssertions: true }, expect);
  globalThis[GLOBAL_EXPECT] = expect;
  setState({ assertionCalls: 0, isExpectingAssertions: false, expectedAssertionsNumber: null }, expect);
  void load;
  const made = new Set();
  const note = (mock) => (made.add(mock), mock);
  const vi = {
    fn: (body) => note(spies.fn(body)),
    spyOn: (...args) => note(spies.spyOn(...args)),
    mocked: (value) => value,
    isMockFunction: spies.isMockFunction,
    clearAllMocks: () => (made.forEach((mock) => mock.mockClear()), vi),
    resetAllMocks: () => (made.forEach((mock) => mock.mockReset()), vi),
    restoreAllMocks: () => (made.forEach((mock) => mock.mockRestore()), vi),
    stubGlobal: (name, value) => {
      globalThis[name] = value;
      return vi;
    },
    hoisted: (make) => make(),
  };
  const { test, describe, before, after, beforeEach, afterEach } = words(current);
  const given = { test, it: test, describe, suite: describe, beforeAll: before, afterAll: after, beforeEach, afterEach, expect, vi, vitest: vi, assert: chai.assert, chai };
  const style = {
    ...NODE,
    collects: true,
    callback: Infinity,
    context: (group) => ({
      expect,
      task: { name: group.names.at(-1) },
      skip: () => {
        throw new Skipped();
      },
      onTestFinished: (hook) => group.after.push(hook),
      onTestFailed: () => {},
    }),
    begin: () => setState({ assertionCalls: 0, isExpectingAssertions: false, expectedAssertionsNumber: null }, expect),
    end: () => {
      const { assertionCalls, isExpectingAssertions, expectedAssertionsNumber } = getState(expect);
      if (expectedAssertionsNumber !== null && assertionCalls !== expectedAssertionsNumber) {
        throw new Error(`expected number of assertions to be ${expectedAssertionsNumber}, but got ${assertionCalls}`);
      }
      if (isExpectingAssertions && assertionCalls === 0) {
        throw new Error('expected any number of assertion, but got none');
      }
    },
  };
  return { style, modules: { vitest: given }, globals: given };
}

/** A package that may only be imported: found by its folder where it cannot be required. */
async function esm(root, name, find) {
  try {
    return await import(pathToFileURL(find(name)).href);
  } catch {
    return await import(import.meta.resolve(name, pathToFileURL(find('vitest/package.json')).href));
  }
}

function mocha(current) {
  const { test, describe, before, after, beforeEach, afterEach } = words(current);
  const given = {
    describe,
    context: describe,
    suite: describe,
    it: test,
    specify: test,
    test,
    xdescribe: describe.skip,
    xcontext: describe.skip,
    xit: test.skip,
    xspecify: test.skip,
    before,
    after,
    beforeEach,
    afterEach,
    suiteSetup: before,
    suiteTeardown: after,
    setup: beforeEach,
    teardown: afterEach,
    run: () => {},
  };
  const context = () => {
    const mine = { timeout: () => mine, slow: () => mine, retries: () => mine, test: {}, currentTest: {} };
    mine.skip = () => {
      throw new Skipped();
    };
    return mine;
  };
  // What hooks leave in `this` is there for the tests of the file.
  const shared = new WeakMap();
  const style = {
    ...NODE,
    collects: true,
    callback: 1,
    parts: (groups, name) => (groups.length > 0 ? [groups.join(' '), name] : [name]),
    context: () => {
      const suite = current();
      if (!shared.has(suite)) {
        shared.set(suite, context());
      }
      return shared.get(suite);
    },
  };
  return { style, modules: { mocha: given }, globals: given };
}

function cleaned(style, clean) {
  const begin = style.begin;
  return {
    ...style,
    begin: () => {
      clean();
      begin();
    },
  };
}
