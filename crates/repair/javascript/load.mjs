// Loads the files of a project as often as wanted, each time anew and with texts laid over them, in one thread.
//
// Files of the project are those beneath the work tree and outside of `node_modules`; everything else is loaded once, as
// Node itself loads it. Modules of both kinds are understood: those that are required and those that are imported.

import fs from 'node:fs';
import Module, { createRequire, isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';

const IMPORTING = /^[ \t]*(?:import\s*[\w{*"']|export\s+(?:[{*]|default|const|let|var|function|async|class))/m;
const TYPED = new Set(['.ts', '.mts', '.cts', '.tsx', '.jsx']);
const ENDINGS = ['', '.ts', '.tsx', '.mts', '.js', '.mjs', '.cjs', '.json', '/index.ts', '/index.js'];

export class Loader {
  /** `sources` are texts without types for the files that have some; `stand_ins` are given for modules by their names. */
  constructor(root, sources, stand_ins) {
    this.root = fs.realpathSync(root);
    this.sources = sources;
    this.stand_ins = stand_ins;
    this.types = new Map();
    this.foreign = new Map();
    this.begin({});
    this.hook();
  }

  /** Forgets all files of the project; from now on these texts are theirs. */
  begin(overlay) {
    for (const file of Object.keys(Module._cache)) {
      if (this.is_own(file)) {
        delete Module._cache[file];
      }
    }
    this.overlay = overlay;
    this.modules = new Map();
    this.loaded = new Set();
  }

  is_own(file) {
    return file.startsWith(this.root + path.sep) && !file.includes('/node_modules/');
  }

  relative(file) {
    return path.relative(this.root, file);
  }

  text(file) {
    const name = this.relative(file);
    this.loaded.add(name);
    const text = this.overlay[name] ?? this.sources[name] ?? fs.readFileSync(file, 'utf8');
    return text.replace(/^\uFEFF/, '').replace(/^#!.*/, (line) => '//'.padEnd(line.length));
  }

  /** Runs a file of tests to the end of its top level. */
  async run(file) {
    await this.namespace(file);
  }

  /** What a file exports, after it ran. */
  async namespace(file) {
    if (this.is_module(file)) {
      const module = this.module(file);
      return (module.status === 'evaluated' ? module : await this.evaluate(module)).namespace;
    }
    return createRequire(file)(file);
  }

  /** What the files of the project that ran export, by file. */
  *namespaces() {
    for (const [file, module] of this.modules) {
      if (module.status === 'evaluated' || module.status === 'evaluating') {
        yield [this.relative(file), module.namespace];
      }
    }
    for (const [file, module] of Object.entries(Module._cache)) {
      if (this.is_own(file)) {
        yield [this.relative(file), module.exports];
      }
    }
  }

  hook() {
    const load = Module._load;
    const { stand_ins } = this;
    Module._load = function (request, ...rest) {
      return Object.hasOwn(stand_ins, request) ? stand_ins[request] : load.call(this, request, ...rest);
    };
    const typed = Object.keys(this.sources).map((file) => path.extname(file));
    for (const ending of new Set(['.js', '.cjs', ...typed])) {
      const before = Module._extensions[ending] ?? Module._extensions['.js'];
      Module._extensions[ending] = (module, file) => {
        if (!this.is_own(file) || this.is_module(file)) {
          return before(module, file);
        }
        return module._compile(this.text(file), file);
      };
    }
  }

  is_module(file) {
    const ending = path.extname(file);
    if (ending === '.mjs' || ending === '.mts') {
      return true;
    }
    if (ending === '.cjs' || ending === '.cts' || ending === '.json') {
      return false;
    }
    const type = this.type_of(path.dirname(file));
    if (type !== undefined && !(TYPED.has(ending) && type === 'commonjs')) {
      return type === 'module';
    }
    const loaded = new Set(this.loaded);
    const text = this.text(file);
    this.loaded = loaded;
    return IMPORTING.test(text);
  }

  type_of(folder) {
    if (!this.types.has(folder)) {
      let type;
      try {
        type = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).type;
      } catch {
        type = folder === this.root || folder === path.dirname(folder) ? undefined : this.type_of(path.dirname(folder));
      }
      this.types.set(folder, type);
    }
    return this.types.get(folder);
  }

  async evaluate(module) {
    await module.link((specifier, from) => this.find(specifier, from.identifier));
    await module.evaluate();
    return module;
  }

  /** The module of a file of the project. */
  module(file) {
    const known = this.modules.get(file);
    if (known) {
      return known;
    }
    const identifier = pathToFileURL(file).href;
    let module;
    if (this.is_module(file)) {
      module = new vm.SourceTextModule(this.text(file), {
        identifier,
        initializeImportMeta: (meta) => {
          meta.url = identifier;
          meta.filename = file;
          meta.dirname = path.dirname(file);
          meta.resolve = (specifier) => this.resolve(specifier, identifier);
        },
        importModuleDynamically: async (specifier) => {
          const found = await this.find(specifier, identifier);
          return found.status === 'evaluated' ? found : this.evaluate(found);
        },
      });
    } else {
      module = synthetic(createRequire(file)(file), identifier);
    }
    this.modules.set(file, module);
    return module;
  }

  async find(specifier, from) {
    if (Object.hasOwn(this.stand_ins, specifier)) {
      return this.outside(specifier, () => this.stand_ins[specifier]);
    }
    if (isBuiltin(specifier)) {
      return this.outside(specifier, () => createRequire(from)(specifier));
    }
    const url = this.resolve(specifier, from);
    if (url.startsWith('file:')) {
      const file = fileURLToPath(url);
      if (this.is_own(file)) {
        return this.module(file);
      }
    }
    const found = await import(url);
    return this.outside(url, () => found);
  }

  resolve(specifier, from) {
    let failed;
    try {
      const url = import.meta.resolve(specifier, from);
      if (!url.startsWith('file:') || fs.existsSync(fileURLToPath(url))) {
        return url;
      }
    } catch (error) {
      failed = error;
    }
    if (/^\.{0,2}\//.test(specifier)) {
      const plain = path.resolve(path.dirname(fileURLToPath(from)), specifier);
      const stem = plain.replace(/\.(m|c)?js$/, '');
      for (const start of [plain, stem]) {
        const file = ENDINGS.map((ending) => start + ending).find((name) => fs.statSync(name, { throwIfNoEntry: false })?.isFile());
        if (file) {
          return pathToFileURL(file).href;
        }
      }
    }
    throw failed ?? Object.assign(new Error(`Cannot find module '${specifier}' imported from ${from}`), { code: 'ERR_MODULE_NOT_FOUND' });
  }

  outside(name, give) {
    if (!this.foreign.has(name)) {
      this.foreign.set(name, synthetic(give(), name));
    }
    return this.foreign.get(name);
  }
}

function synthetic(value, identifier) {
  const holds = value !== null && (typeof value === 'object' || typeof value === 'function');
  const names = holds ? Object.keys(value).filter((name) => name !== 'default' && name !== 'module.exports') : [];
  const is_namespace = holds && value[Symbol.toStringTag] === 'Module';
  return new vm.SyntheticModule(
    ['default', ...names],
    function () {
      for (const name of names) {
        this.setExport(name, value[name]);
      }
      this.setExport('default', is_namespace ? value.default : value);
    },
    { identifier },
  );
}
