// The thread in which the project's code runs while it is observed and changed. It is ended and started anew when something
// does not come to its end.

import inspector from 'node:inspector';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

import { build, encode, shown } from './inputs.mjs';
import { Loader } from './load.mjs';
import { runner } from './runners.mjs';
import { Suite } from './suite.mjs';

const TEXT = 4096;
const FRAMES = 40;
// Calls of one function that are kept, and how long one may wait.
const CALLS = 40;
const WAITING = 300;

const { root, sources, marks, kind } = workerData;
let suite = null;
const { style, modules, globals } = await runner(kind, root, () => suite);
const loader = new Loader(root, sources, modules);
Error.stackTraceLimit = FRAMES;

/** What was thrown, with the frames that lie in the project. */
function told(error) {
  const chain = [];
  for (let one = error; one !== undefined && one !== null && chain.length < 5; one = one.cause) {
    // As runners tell it, which read the name and not the class.
    chain.push({
      type: String(one?.name || one?.constructor?.name || typeof one).slice(0, 200),
      module: '',
      message: String(one?.message ?? one).slice(0, TEXT),
      frames: frames(one?.stack),
    });
    if (typeof one !== 'object') {
      break;
    }
  }
  return chain;
}

function frames(stack) {
  const found = [];
  for (const line of String(stack ?? '').split('\n')) {
    const match = /^\s*at (?:async )?(?:(.*?) \()?((?:file:\/\/)?\/.*?):(\d+):(\d+)\)?$/.exec(line);
    if (match) {
      const file = match[2].startsWith('file:') ? fileURLToPath(match[2]) : match[2];
      const name = (match[1] ?? '<anonymous>').replace(/^new /, '').replace(/ \[as .*$/, '').replace(/^(?:Object|Module)\./, '');
      found.push([loader.is_own(file) ? loader.relative(file) : null, Number(match[3]), name]);
    }
  }
  return found;
}

/** Which statements ran since the last time, by file the numbers of their marks. */
class Coverage {
  constructor() {
    this.session = new inspector.Session();
    this.session.connect();
    this.post('Profiler.enable');
    this.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  post(method, params) {
    let answer;
    this.session.post(method, params, (error, result) => {
      answer = result;
    });
    return answer;
  }

  take() {
    const ran = {};
    for (const script of this.post('Profiler.takePreciseCoverage').result) {
      const file = script.url.startsWith('file:') ? fileURLToPath(script.url) : script.url;
      const name = loader.is_own(file) ? loader.relative(file) : null;
      const at = name === null ? undefined : marks[name];
      if (at) {
        const ranges = script.functions.flatMap((one) => one.ranges);
        ranges.sort((a, b) => b.endOffset - b.startOffset - (a.endOffset - a.startOffset));
        const counts = new Uint8Array(at.length);
        for (const range of ranges) {
          for (let mark = first(at, range.startOffset); mark < at.length && at[mark] < range.endOffset; mark++) {
            counts[mark] = range.count > 0 ? 1 : 0;
          }
        }
        const mine = [];
        counts.forEach((count, mark) => count && mine.push(mark));
        if (mine.length > 0) {
          ran[name] = mine;
        }
      }
    }
    return ran;
  }

  end() {
    this.post('Profiler.stopPreciseCoverage');
    this.session.disconnect();
  }
}

function first(at, offset) {
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle] < offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

process.on('uncaughtException', (error) => {
  suite?.running?.fail(error ?? new Error('something was thrown'));
});
process.on('unhandledRejection', (error) => {
  suite?.running?.fail(error ?? new Error('something was thrown'));
});

async function run({ overlay, files, wanted, cover, until_failure }) {
  const coverage = cover ? new Coverage() : null;
  loader.begin(overlay);
  Object.assign(globalThis, globals);
  const names = wanted ? new Set(wanted) : null;
  for (const file of files) {
    let failed = false;
    const began = performance.now();
    const tell = (said) => {
      if (said.end) {
        failed ||= said.outcome === 'failed';
        const ran = coverage?.take();
        parentPort.postMessage({ ...said, error: said.error ? told(said.error) : null, ran });
        if (failed && until_failure) {
          suite.stopped = true;
        }
      } else {
        coverage?.take();
        parentPort.postMessage(said);
      }
    };
    suite = new Suite(file, tell, names, style);
    parentPort.postMessage({ file });
    try {
      await loader.run(path.join(loader.root, file));
      await suite.end();
    } catch (error) {
      failed = true;
      parentPort.postMessage({ broken: file, error: told(error), ran: coverage?.take() });
    }
    parentPort.postMessage({ over: file, milliseconds: performance.now() - began });
    if (failed && until_failure) {
      break;
    }
  }
  coverage?.end();
  parentPort.postMessage({ done: true, loaded: [...loader.loaded] });
}

/** Runs tests with functions that tell their calls, and hands those on as data. */
async function record({ functions, ...order }) {
  const kept = new Map();
  let busy = false;
  globalThis.__groundcrew = (number, self, args) => {
    const calls = kept.get(number) ?? [];
    if (busy || calls.length >= CALLS) {
      return;
    }
    busy = true;
    try {
      const call = { function: number, args: Array.from(args, (arg) => encode(arg, name_of)) };
      if (functions[number].class) {
        call.self = encode(self, name_of);
      }
      const text = JSON.stringify(call);
      if (text.length < 20_000 && !calls.includes(text)) {
        kept.set(number, [...calls, text]);
        parentPort.postMessage({ call });
      }
    } catch {
      // What cannot be told as data is not tried.
    } finally {
      busy = false;
    }
  };
  try {
    await run(order);
  } finally {
    delete globalThis.__groundcrew;
  }
}

/** File and name of a class that a file of the project exports. */
function name_of(wanted) {
  for (const [file, given] of loader.namespaces()) {
    for (const name of Object.keys(given ?? {})) {
      if (given[name] === wanted) {
        return [file, name];
      }
    }
    if (given === wanted) {
      return [file, ''];
    }
  }
  return null;
}

/** Calls functions of the project, whose files have these texts, and tells what each call gives. */
async function behave({ overlay, functions, calls, from }) {
  loader.begin(overlay);
  const loaded = new Map();
  for (const file of new Set(functions.map((one) => one.file))) {
    try {
      loaded.set(file, await loader.namespace(path.join(loader.root, file)));
    } catch {
      loaded.set(file, null);
    }
  }
  const member = (file, name) => (name === '' ? loaded.get(file) : loaded.get(file)?.[name]);
  for (let at = from; at < calls.length; at++) {
    const call = calls[at];
    parentPort.postMessage({ at });
    parentPort.postMessage({ at, given: await result(call, functions[call.function], member) });
  }
  parentPort.postMessage({ done: true, loaded: [] });
}

async function result(call, { file, name, class: owner, is_static }, member) {
  let args, self, body;
  try {
    args = call.args.map((arg) => build(arg, member));
    if (owner) {
      self = is_static ? exported(member, file, owner) : build(call.self, member);
      body = self[name];
    } else {
      body = exported(member, file, name);
    }
    if (typeof body !== 'function') {
      return { none: 'it is not exported' };
    }
  } catch (error) {
    return { none: String(error?.message).slice(0, 200) };
  }
  try {
    const given = await Promise.race([body.apply(self, args), late()]);
    return { value: shown(given), left: shown([args, owner && !is_static ? self : null]) };
  } catch (error) {
    const [first] = frames(error?.stack).filter(([file]) => file !== null);
    const message = String(error?.message ?? error).slice(0, 1000);
    return { raised: String(error?.name || 'Error').slice(0, 80), message, place: first ?? null };
  }
}

/** What a file exports under a name, or as its only value. */
function exported(member, file, name) {
  const own = member(file, name);
  if (own !== undefined) {
    return own;
  }
  return [member(file, 'default'), member(file, '')].find((one) => typeof one === 'function' && one.name === name);
}

function late() {
  return new Promise((_, reject) => {
    setTimeout(() => reject(Object.assign(new Error('late'), { name: 'no end' })), WAITING).unref();
  });
}

parentPort.on('message', (order) => {
  if (order.calls) {
    return behave(order);
  }
  return order.functions ? record(order) : run(order);
});
parentPort.postMessage({ ready: true });
