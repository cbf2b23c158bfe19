// Observes a project's tests, and tries changed programs against them. Reads its orders as JSON from standard input and
// answers with one line of JSON.
//
// {root, sources, marks, files}: observes: {tests: [{test, outcome, error, ran}], broken, loaded}
// {…, candidates: [{file, text}], failing, passing, …}: tries: {said: ["P", "F2", "L", …]}
// {…, variants: [{file: text}], functions, recording: {file: text}}: calls functions of each variant with what the tests give
// them and its neighbours: {calls: ["f(1)", …], given: [[{value, left}, {raised}, …], …]}
// {…, wanted: {exception, message, file, first, last, line, words}}: looks for calls that raise it: {found: [{call, imports, …}], tried}
//
// Tests and candidates run in a thread of their own, since only a thread can be ended in the middle of a loop.

import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { code, inputs, source, wide } from './inputs.mjs';

const orders = JSON.parse(fs.readFileSync(0, 'utf8'));
const script = fileURLToPath(new URL('./work.mjs', import.meta.url));
const MEMORY = 512;
// Until what stands in for the runner is loaded, in milliseconds.
const LOADING = 10_000;

class Runner {
  constructor() {
    this.worker = null;
    this.is_new = true;
  }

  start() {
    this.is_new = true;
    const worker = new Worker(script, {
      workerData: { root: orders.root, sources: orders.sources, marks: orders.marks, kind: orders.kind },
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY },
    });
    worker.stdout.resume();
    worker.stderr.resume();
    worker.unref();
    this.worker = worker;
  }

  /** Runs tests; `note` hears of each. Gives what was running where it did not come to its end. */
  async run(order, milliseconds, note) {
    if (!this.worker) {
      this.start();
    }
    const { worker } = this;
    worker.ref();
    let what = 'loading';
    let timer;
    const outcome = await new Promise((resolve) => {
      const wait = (more) => {
        clearTimeout(timer);
        timer = setTimeout(() => resolve({ hung: what }), more);
      };
      worker.removeAllListeners();
      worker.on('error', (error) => resolve({ crashed: String(error?.message), what }));
      worker.on('exit', () => resolve({ crashed: 'the thread ended', what }));
      worker.on('message', (said) => {
        wait(said.ready ? milliseconds + 500 : milliseconds);
        what = said.start ?? said.file ?? what;
        if (said.done) {
          resolve({ loaded: said.loaded });
        } else if (note(said) === false) {
          resolve({ enough: true });
        }
      });
      worker.postMessage(order);
      wait(milliseconds + (this.is_new ? LOADING : 500));
      this.is_new = false;
    });
    clearTimeout(timer);
    worker.removeAllListeners();
    if (outcome.loaded) {
      worker.unref();
    } else {
      this.worker = null;
      worker.on('error', () => {});
      await worker.terminate();
    }
    return outcome;
  }
}

async function observe() {
  const runner = new Runner();
  const tests = [];
  const broken = [];
  const loaded = new Set();
  const times = {};
  for (const file of orders.files) {
    const known = new Set();
    const hung = new Set();
    // A test that does not end takes the others of its file with it, which then run once more without it.
    for (let turn = 0; turn < 4; turn++) {
      const wanted = turn === 0 ? null : [...known].filter((test) => !hung.has(test));
      const order = { overlay: {}, files: [file], wanted, cover: true, until_failure: false };
      const mine = [];
      const outcome = await runner.run(order, orders.milliseconds, (said) => {
        if (said.start) {
          known.add(said.start);
        } else if (said.end) {
          mine.push({ test: said.end, outcome: said.outcome, error: said.error, ran: said.ran, milliseconds: said.milliseconds });
        } else if (said.broken) {
          broken.push({ file, error: said.error });
        } else if (said.over) {
          times[file] = said.milliseconds;
        }
      });
      for (const name of outcome.loaded ?? []) {
        loaded.add(name);
      }
      if (outcome.loaded) {
        tests.push(...mine);
        break;
      }
      const stuck = outcome.hung ?? outcome.what;
      if (!known.has(stuck)) {
        broken.push({ file, error: [{ type: 'TimeoutError', module: '', message: outcome.crashed ?? 'it does not end', frames: [] }] });
        break;
      }
      hung.add(stuck);
      tests.push({ test: stuck, outcome: 'hung', error: [{ type: 'TimeoutError', module: '', message: 'the test does not end', frames: [] }], ran: {} });
      tests.push(...(turn === 3 ? mine : []));
      if (turn === 0) {
        // Those behind it are only known once it is left out.
        for (const one of mine) {
          known.add(one.test);
        }
      }
    }
  }
  const once = new Map(tests.map((one) => [one.test, one]));
  return { tests: [...once.values()], broken, loaded: [...loaded], times };
}

/** What candidates make of the tests: P all pass, F and how many of the failing pass, L does not end, B breaks one that passed. */
async function attempt() {
  const runner = new Runner();
  const started = performance.now();
  const said = [];
  let passed = 0;
  let stop = Infinity;
  for (const { file, text } of orders.candidates) {
    if (performance.now() - started > orders.seconds * 1000 || said.length >= stop || passed >= orders.plausible) {
      break;
    }
    const overlay = { [file]: text };
    const files_of = (tests) => [...new Set(tests.map((test) => test.split(' > ')[0]))];
    const good = new Set();
    const failed = new Set();
    const note = (one) => {
      if (one.end) {
        (one.outcome === 'passed' ? good : failed).add(one.end);
      } else if (one.broken) {
        failed.add(one.broken);
      }
      return undefined;
    };
    const first = { overlay, files: files_of(orders.failing), wanted: orders.failing, cover: false, until_failure: !orders.all };
    const outcome = await runner.run(first, orders.milliseconds, note);
    const mended = orders.failing.filter((test) => good.has(test)).length;
    if (!outcome.loaded) {
      said.push('L');
      continue;
    }
    if (mended < orders.failing.length || failed.size > 0) {
      said.push(`F${mended}`);
      continue;
    }
    const passing = orders.passing[file] ?? [];
    good.clear();
    const second = { overlay, files: files_of(passing), wanted: passing, cover: false, until_failure: true };
    const rest = passing.length > 0 ? await runner.run(second, orders.milliseconds, note) : { loaded: [] };
    if (!rest.loaded) {
      said.push('L');
    } else if (failed.size > 0 || passing.some((test) => !good.has(test))) {
      said.push('B');
    } else {
      said.push('P');
      passed += 1;
      stop = Math.min(stop, said.length + Math.max(orders.after, said.length / 2));
    }
  }
  return { said, seconds: (performance.now() - started) / 1000 };
}

/** The calls that tests make, by the number of the function. */
async function gathered(runner) {
  const { functions } = orders;
  const recorded = functions.map(() => []);
  for (const file of orders.files) {
    const order = { overlay: orders.recording, files: [file], wanted: null, cover: false, until_failure: false, functions };
    await runner.run(order, orders.milliseconds, (said) => {
      if (said.call) {
        recorded[said.call.function].push(said.call);
      }
    });
  }
  return recorded;
}

/** What calls give with a program of these texts, until the time is over. */
async function given(runner, overlay, calls, ends) {
  const { functions } = orders;
  const mine = calls.map(() => null);
  let endless = 0;
  for (let from = 0; from < calls.length && endless < 4 && performance.now() < ends; ) {
    let last = from;
    const outcome = await runner.run({ overlay, functions, calls, from }, 1000, (said) => {
      last = said.at ?? last;
      if (said.given) {
        mine[said.at] = said.given;
      }
      return performance.now() < ends;
    });
    if (outcome.loaded || outcome.enough) {
      break;
    }
    mine[last] = { raised: 'no end', message: '', place: null };
    endless += 1;
    from = last + 1;
  }
  return mine;
}

/** What functions give in several variants of the program for the same calls. */
async function behave() {
  const runner = new Runner();
  const { functions } = orders;
  const ends = performance.now() + orders.seconds * 1000;
  const recorded = await gathered(runner);
  // The functions that matter most, where tests call any of them.
  const tiers = functions.flatMap(({ tier }, number) => (recorded[number].length > 0 ? [tier] : []));
  const best = Math.min(...tiers);
  const streams = functions.map(({ tier }, number) => (tier === best ? inputs(recorded[number]) : []));
  const calls = [];
  for (let at = 0; calls.length < orders.most && streams.some((stream) => at < stream.length); at++) {
    calls.push(...streams.flatMap((stream) => (at < stream.length ? [stream[at]] : [])));
  }
  const all = [];
  for (const overlay of orders.variants) {
    all.push(await given(runner, overlay, calls, ends));
  }
  const told = ({ function: number, args, self }) => {
    const { name, class: owner, is_static } = functions[number];
    const before = owner ? `${is_static ? owner : source(self).slice(0, 160)}.` : '';
    return `${before}${name}(${args.map(source).join(', ')})`.slice(0, 300);
  };
  return { calls: calls.map(told), given: all };
}

/** Calls that raise a wanted error where it was raised, the most telling first. */
async function hunt() {
  const runner = new Runner();
  const { functions, wanted } = orders;
  const ends = performance.now() + orders.seconds * 1000;
  const recorded = await gathered(runner);
  const found = [];
  let tried = 0;
  // Those on the stack first, then those that call them.
  const order = functions.map((_, number) => number).filter((number) => functions[number].tier < 2);
  order.sort((a, b) => functions[a].tier - functions[b].tier);
  for (const number of order) {
    if (performance.now() > ends) {
      break;
    }
    const { name, class: owner, is_static, parameters, file } = functions[number];
    const calls = [];
    const origins = [];
    const seen = new Set();
    for (const [call, origin] of wide(recorded[number], owner && !is_static ? null : parameters, wanted.words)) {
      const key = JSON.stringify([call.args, call.self]);
      if (!seen.has(key) && calls.length < orders.most) {
        seen.add(key);
        calls.push({ ...call, function: number });
        origins.push(origin);
      }
    }
    tried += calls.length;
    (await given(runner, {}, calls, ends)).forEach((one, at) => {
      if (one?.raised !== wanted.exception || one.place?.[0] !== wanted.file || !(wanted.first <= one.place[1] && one.place[1] <= wanted.last)) {
        return;
      }
      const imports = [];
      const args = calls[at].args.map((arg) => code(arg, imports)).join(', ');
      const self = owner ? `${is_static ? owner : code(calls[at].self, imports)}.` : '';
      imports.push([file, owner ?? name]);
      const same = one.message === wanted.message ? 2 : shape(one.message) === shape(wanted.message) ? 1 : 0;
      // Errors of a kind differ in their words: one that says something else is another one.
      if (same > 0 || wanted.message === '') {
        found.push({ call: `${self}${name}(${args})`, imports, name, origin: origins[at], same, on_line: one.place[1] === wanted.line, place: one.place[2] });
      }
    });
    if (found.some(({ same, on_line }) => same === 2 && on_line)) {
      break;
    }
  }
  const origin = ['recorded', 'logged', 'varied', 'made'];
  const rank = (one) => one.same * 20 + one.on_line * 10 - origin.indexOf(one.origin);
  found.sort((a, b) => rank(b) - rank(a) || a.call.length - b.call.length);
  return { found: found.slice(0, 5), tried };
}

function shape(message) {
  return message.replace(/'[^']*'|"[^"]*"|`[^`]*`|\d+/g, '*');
}

const answer = await (orders.wanted ? hunt() : orders.variants ? behave() : orders.candidates ? attempt() : observe());
fs.writeSync(1, `${JSON.stringify(answer)}\n`);
process.exit(0);
