// The thread in which the project's code runs while it is observed and changed. It is ended and started anew when something
// does not come to its end.

import inspector from 'node:inspector';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

import { Loader } from './load.mjs';
import { runner } from './runners.mjs';
import { Suite } from './suite.mjs';

const TEXT = 4096;
const FRAMES = 40;

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

parentPort.on('message', run);
parentPort.postMessage({ ready: true });
