// What stands in for `node:test` while candidates are tried: the tests of a file in the process that loaded it, one after
// the other in the order of the text, so that hundreds of changed programs are tried without starting Node again.
//
// The last word has Node's own runner on a clean work tree; a test that goes otherwise here than there is not searched.

import { mock } from 'node:test';

const ENDLESS = 20_000;

/** The tests of one file, as they are registered and run. */
export class Suite {
  constructor(file, tell, wanted) {
    this.file = file;
    this.tell = tell;
    this.wanted = wanted;
    this.tail = Promise.resolve();
    this.top = new Group(null, '');
    this.open = this.top;
    this.running = null;
    this.stopped = false;
  }

  /** Resolves when everything that was registered has run. */
  async end() {
    let tail;
    do {
      tail = this.tail;
      await tail;
    } while (tail !== this.tail);
    await this.leave(this.top);
  }

  is_wanted(id) {
    return !this.wanted || this.wanted.has(id) || [...this.wanted].some((other) => other.startsWith(`${id} > `));
  }

  /** Whether only a test inside this one is asked for. */
  is_wanted_within(id) {
    return !this.wanted || this.is_wanted(id) || [...this.wanted].some((other) => id.startsWith(`${other} > `));
  }

  async enter(group) {
    if (group.parent) {
      await this.enter(group.parent);
    }
    if (!group.entered) {
      group.entered = true;
      for (const hook of group.before) {
        await call(hook, undefined);
      }
    }
  }

  async leave(group) {
    if (group.entered && !group.left) {
      group.left = true;
      for (const hook of group.after) {
        await call(hook, undefined);
      }
    }
  }

  async run(group, name, options, body, nested) {
    const names = group.names.concat(name);
    const id = [this.file, ...names].join(' > ');
    if (this.stopped || !(nested ? this.is_wanted_within(id) : this.is_wanted(id))) {
      return;
    }
    if (options.skip || group.skip) {
      this.tell({ end: id, outcome: 'skipped' });
      return;
    }
    const mine = new Group(group, name);
    mine.names = names;
    const outer = this.running;
    let error = null;
    this.running = { id, fail: () => {} };
    this.tell({ start: id });
    const began = performance.now();
    try {
      await this.enter(group);
      for (const hook of group.all('before_each')) {
        await call(hook, undefined);
      }
      const failed = new Promise((_, reject) => {
        this.running.fail = reject;
      });
      failed.catch(() => {});
      if (body) {
        await Promise.race([call(body, this.context(mine, id)), failed, bound(options.timeout)]);
      }
      for (const child of mine.children) {
        await child;
      }
      if (mine.failed) {
        throw mine.failed;
      }
    } catch (thrown) {
      error = thrown ?? new Error(`${thrown} was thrown`);
    }
    for (const hook of [...group.all('after_each').reverse(), ...mine.after]) {
      try {
        await call(hook, undefined);
      } catch (thrown) {
        error ??= thrown;
      }
    }
    mock.restoreAll();
    mock.timers?.reset?.();
    this.running = outer;
    if (options.todo) {
      error = null;
    }
    if (error && nested) {
      group.failed ??= error;
    }
    this.tell({ end: id, outcome: error ? 'failed' : 'passed', error, milliseconds: performance.now() - began });
  }

  context(group, id) {
    const suite = this;
    const name = group.names.at(-1);
    const nested = (...args) => {
      const { name, options, body } = parts(args);
      const ran = suite.run(group, name, options, body, true);
      group.children.push(ran);
      return ran;
    };
    return {
      name,
      fullName: group.names.join(' > '),
      filePath: suite.file,
      signal: new AbortController().signal,
      mock,
      test: nested,
      before: (hook) => call(hook, undefined),
      after: (hook) => group.after.push(hook),
      beforeEach: (hook) => group.before_each.push(hook),
      afterEach: (hook) => group.after_each.push(hook),
      diagnostic: () => {},
      plan: () => {},
      runOnly: () => {},
      skip: () => suite.tell({ skip: id }),
      todo: () => suite.tell({ skip: id }),
    };
  }

  /** Registers a test where it stands. */
  test(args, forced) {
    const { name, options, body } = parts(args);
    const group = this.open;
    const all = { ...options, ...forced };
    this.tail = this.tail.then(() => this.run(group, name, all, body, false));
    return this.tail;
  }

  /** Registers what stands in a `describe`. */
  describe(args, forced) {
    const { name, options, body } = parts(args);
    const outer = this.open;
    const group = new Group(outer, name);
    group.skip = Boolean(outer.skip || options.skip || forced?.skip);
    this.open = group;
    try {
      body?.({ name, signal: new AbortController().signal });
    } finally {
      this.open = outer;
    }
    this.tail = this.tail.then(() => this.leave(group));
    return this.tail;
  }
}

class Group {
  constructor(parent, name) {
    this.parent = parent;
    this.names = parent?.parent !== undefined && name !== '' ? parent.names.concat(name) : [];
    this.before = [];
    this.after = [];
    this.before_each = [];
    this.after_each = [];
    this.children = [];
    this.entered = false;
    this.left = false;
  }

  all(kind) {
    return [...(this.parent?.all(kind) ?? []), ...this[kind]];
  }
}

/** What a file gets that imports `node:test`; `current` tells whose tests are being registered. */
export function stand_in(current) {
  const test = (...args) => current().test(args);
  const describe = (...args) => current().describe(args);
  for (const [word, forced] of [['skip', { skip: true }], ['todo', { todo: true }], ['only', {}]]) {
    test[word] = (...args) => current().test(args, forced);
    describe[word] = (...args) => current().describe(args, word === 'todo' ? {} : forced);
  }
  const hook = (kind) => (body) => void current().open[kind].push(body);
  return Object.assign(test, {
    test,
    it: test,
    describe,
    suite: describe,
    before: hook('before'),
    after: hook('after'),
    beforeEach: hook('before_each'),
    afterEach: hook('after_each'),
    mock,
    run: () => {
      throw new Error('tests that run tests are not searched');
    },
  });
}

function parts(args) {
  let name, body;
  let options = {};
  for (const arg of args) {
    if (typeof arg === 'string') {
      name = arg;
    } else if (typeof arg === 'function') {
      body = arg;
    } else if (arg && typeof arg === 'object') {
      options = arg;
    }
  }
  return { name: name ?? (body?.name || '<anonymous>'), options, body };
}

/** Calls a test or a hook, which may end with a promise or with a callback. */
function call(body, context) {
  const fn = typeof body === 'function' ? body : body?.fn;
  if (typeof fn !== 'function') {
    return undefined;
  }
  if (fn.length >= 2) {
    return new Promise((resolve, reject) => {
      fn(context, (error) => (error ? reject(error) : resolve()));
    });
  }
  return fn(context);
}

function bound(milliseconds) {
  const most = Number.isFinite(milliseconds) ? Math.min(milliseconds, ENDLESS) : ENDLESS;
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error('test timed out')), most).unref();
  });
}
