// What stands in for a test runner while candidates are tried: the tests of a file in the process that loaded it, one after
// the other in the order of the text, so that hundreds of changed programs are tried without starting Node again.
//
// The last word has the project's own runner on a clean work tree; a test that goes otherwise here than there is not searched.

import { mock } from 'node:test';
import util from 'node:util';

const ENDLESS = 20_000;

/** What a test throws that skips itself. */
export class Skipped extends Error {}

/** The tests of one file, as they are registered and run. */
export class Suite {
  constructor(file, tell, wanted, style) {
    this.file = file;
    this.tell = tell;
    this.wanted = wanted;
    this.style = style;
    // Runners that know all tests of a file before they run the first wait until it is loaded.
    this.loaded = () => {};
    this.tail = style.collects
      ? new Promise((resolve) => {
          this.loaded = resolve;
        })
      : Promise.resolve();
    this.top = new Group(null, '');
    this.open = this.top;
    this.running = null;
    this.stopped = false;
  }

  /** Resolves when everything that was registered has run. */
  async end() {
    this.loaded();
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
        await this.hook(hook);
      }
    }
  }

  async leave(group) {
    if (group.entered && !group.left) {
      group.left = true;
      for (const hook of group.after) {
        await this.hook(hook);
      }
    }
  }

  async run(group, name, options, body, nested) {
    const names = group.names.concat(name);
    const id = [this.file, ...this.style.parts(group.names, name)].join(' > ');
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
      this.style.begin();
      await this.enter(group);
      for (const hook of group.all('before_each')) {
        await this.hook(hook);
      }
      const failed = new Promise((_, reject) => {
        this.running.fail = reject;
      });
      failed.catch(() => {});
      if (body) {
        const context = this.style.context ? this.style.context(mine) : this.context(mine, id);
        const ran = options.args ? body.apply(undefined, options.args) : call(body, context, this.style.callback);
        await Promise.race([ran, failed, bound(options.timeout)]);
      }
      for (const child of mine.children) {
        await child;
      }
      this.style.end();
      if (mine.failed) {
        throw mine.failed;
      }
    } catch (thrown) {
      error = thrown ?? new Error(`${thrown} was thrown`);
    }
    for (const hook of [...group.all('after_each').reverse(), ...mine.after]) {
      try {
        await this.hook(hook);
      } catch (thrown) {
        error ??= thrown;
      }
    }
    mock.restoreAll();
    mock.timers?.reset?.();
    this.running = outer;
    if (error instanceof Skipped) {
      this.tell({ end: id, outcome: 'skipped' });
      return;
    }
    if (options.fails) {
      error = error ? null : new Error('the test passes although it is said to fail');
    }
    if (options.todo) {
      error = null;
    }
    if (error && nested) {
      group.failed ??= error;
    }
    this.tell({ end: id, outcome: error ? 'failed' : 'passed', error, milliseconds: performance.now() - began });
  }

  hook(hook) {
    return call(hook, this.style.context?.(this.top), this.style.callback);
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
      before: (hook) => this.hook(hook),
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
      if (options.args) {
        body?.apply(undefined, options.args);
      } else {
        body?.call(this.style.context?.(group), { name, signal: new AbortController().signal });
      }
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

/** How tests of `node:test` are named and called. */
export const NODE = {
  collects: false,
  callback: 2,
  parts: (groups, name) => [...groups, name],
  begin: () => {},
  end: () => {},
};

const MODIFIED = { skip: { skip: true }, todo: { todo: true }, only: {}, concurrent: {}, sequential: {}, fails: { fails: true }, failing: { fails: true } };

/** The words with which tests are written, for the file that `current` tells. */
export function words(current) {
  const test = (...args) => current().test(args);
  const describe = (...args) => current().describe(args);
  for (const [word, forced] of Object.entries(MODIFIED)) {
    test[word] = (...args) => current().test(args, forced);
    describe[word] = (...args) => current().describe(args, word === 'todo' ? {} : forced);
    test[word].each = each((...args) => current().test(args, forced));
    describe[word].each = each((...args) => current().describe(args, forced));
  }
  for (const [mine, kind] of [[test, 'test'], [describe, 'describe']]) {
    mine.each = each(mine);
    mine.for = each(mine, true);
    mine.skipIf = (skip) => (...args) => current()[kind](args, { skip: Boolean(skip) });
    mine.runIf = (run) => (...args) => current()[kind](args, { skip: !run });
  }
  const hook = (kind) => (body) => void current().open[kind].push(body);
  return { test, describe, before: hook('before'), after: hook('after'), beforeEach: hook('before_each'), afterEach: hook('after_each') };
}

/** A test for each row of a table, whose values stand in its name. */
function each(register, whole) {
  return (table, ...values) => {
    const rows = Array.isArray(table) && table.raw ? tabular(table, values) : [...table];
    return (name, ...rest) => {
      rows.forEach((row, number) => {
        const args = Array.isArray(row) && !whole ? row : [row];
        const body = rest.find((one) => typeof one === 'function');
        const options = rest.find((one) => one && typeof one === 'object');
        register(titled(String(name), args, number), { ...options, args }, body);
      });
    };
  };
}

function tabular(table, values) {
  const names = table[0].trim().split(/\s*\|\s*/);
  const rows = [];
  for (let at = 0; at + names.length <= values.length; at += names.length) {
    rows.push(Object.fromEntries(names.map((name, column) => [name, values[at + column]])));
  }
  return rows;
}

function titled(name, args, number) {
  let at = 0;
  const shown = (value) => (typeof value === 'string' ? value : util.inspect(value, { breakLength: Infinity, depth: 2 }));
  const text = name.replace(/%([sdifjop#$%])/g, (all, kind) => {
    if (kind === '%') return '%';
    if (kind === '#') return String(number);
    if (kind === '$') return String(number + 1);
    if (at >= args.length) return all;
    const value = args[at++];
    if (kind === 'p') return util.inspect(value, { breakLength: Infinity }).replace(/^'(.*)'$/s, '"$1"');
    return util.format(`%${kind}`, value);
  });
  const first = args[0];
  if (first === null || typeof first !== 'object') {
    return text;
  }
  return text.replace(/\$(#|[\w$][\w$.]*)/g, (all, path) => {
    if (path === '#') return String(number);
    const value = path.split('.').reduce((from, key) => from?.[key], first);
    return value === undefined && !(path.split('.')[0] in first) ? all : shown(value);
  });
}

/** What a file gets that imports `node:test`; `current` tells whose tests are being registered. */
export function stand_in(current) {
  const { test, describe, ...hooks } = words(current);
  return Object.assign(test, {
    test,
    it: test,
    describe,
    suite: describe,
    ...hooks,
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
      if (args.length > 1 && name === undefined) {
        name = arg.name;
      } else {
        body = arg;
      }
    } else if (typeof arg === 'number') {
      options = { ...options, timeout: arg };
    } else if (arg && typeof arg === 'object') {
      options = arg;
    }
  }
  return { name: name ?? (body?.name || '<anonymous>'), options, body };
}

/** Calls a test or a hook, which may end with a promise or with a callback. */
function call(body, context, callback) {
  const fn = typeof body === 'function' ? body : body?.fn;
  if (typeof fn !== 'function') {
    return undefined;
  }
  if (fn.length >= callback) {
    return new Promise((resolve, reject) => {
      const done = (error) => (error ? reject(error) : resolve());
      done.fail = reject;
      fn.apply(context, callback === 1 ? [done] : [context, done]);
    });
  }
  return fn.call(context, context);
}

function bound(milliseconds) {
  const most = Number.isFinite(milliseconds) ? Math.min(milliseconds, ENDLESS) : ENDLESS;
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error('test timed out')), most).unref();
  });
}
