// Runs anywidget modules in a page that has no kernel.
//
// The page holds one script of widget state and one script per widget view. For each view this
// loader finds the model, imports the model's ES module once per text, adds its CSS once and
// renders it beside the view. While that has not happened, or if it fails, the static form of the
// widget (class "cw-static", written by the build) stays visible.
(() => {
  "use strict";
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const FOLDER = new URL(".", document.currentScript?.src || document.baseURI).href;
  const modules = new Map();
  const parts = new Map();
  const styles = new Set();

  /** The part of the Jupyter model interface that a module may use; nothing leaves the page. */
  class PageModel {
    constructor(state) {
      this.state = state;
      this.page = true; // tells a module that no kernel listens
      this.folder = FOLDER; // where the site's own files lie
      this.listeners = new Map();
    }
    get(name) {
      return this.state[name];
    }
    set(name, value) {
      const changes = typeof name === "object" ? name : { [name]: value };
      const changed = Object.keys(changes).filter(
        (key) => !Object.is(changes[key], this.state[key]),
      );
      Object.assign(this.state, changes);
      for (const key of changed) this.fire(`change:${key}`, this.state[key]);
      if (changed.length) this.fire("change");
    }
    on(names, listener) {
      for (const name of names.split(" ")) {
        if (!this.listeners.has(name)) this.listeners.set(name, new Set());
        this.listeners.get(name).add(listener);
      }
    }
    off(names, listener) {
      if (!names) return this.listeners.clear();
      for (const name of names.split(" ")) {
        if (listener) this.listeners.get(name)?.delete(listener);
        else this.listeners.delete(name);
      }
    }
    fire(name, ...values) {
      for (const listener of [...(this.listeners.get(name) ?? [])]) listener(...values);
    }
    /** A large part of a state, kept in a file of its own until a widget asks for it. */
    later(name) {
      if (!parts.has(name)) {
        parts.set(
          name,
          new Promise((resolve, reject) => {
            const script = document.createElement("script");
            script.src = `${FOLDER}later/${name}.js`;
            script.onload = () => resolve(window.courseLater[name]);
            script.onerror = () => {
              parts.delete(name); // so that another try asks again
              reject(new Error(`${script.src} did not load`));
            };
            document.head.append(script);
          }),
        );
      }
      return parts.get(name);
    }
    save_changes() {}
    send() {}
  }

  /** Imports one module text; the same text is imported once, however many widgets share it. */
  function importText(text) {
    if (!modules.has(text)) {
      const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      modules.set(
        text,
        import(address).finally(() => URL.revokeObjectURL(address)),
      );
    }
    return modules.get(text);
  }

  function addStyle(text) {
    if (!text || styles.has(text)) return;
    styles.add(text);
    document.head.append(Object.assign(document.createElement("style"), { textContent: text }));
  }

  /** State texts that several models share are stored once, under "texts", as {"text": key}. */
  function resolve(value, texts) {
    return value && typeof value === "object" && "text" in value ? texts[value.text] : value;
  }

  async function show(script, models, page) {
    const view = JSON.parse(script.textContent);
    const entry = page.state?.[view.model_id];
    if (!entry) throw new Error(`the page holds no state for widget ${view.model_id}`);
    if (entry.model_module !== "anywidget") {
      throw new Error(
        `${entry.model_name} of ${entry.model_module} is a core ipywidget. This page runs ` +
          `anywidget ` +
          "modules only: its static form stays in the page; open the notebook in JupyterLab, " +
          "Binder " +
          "or Colab to use it.",
      );
    }
    if (!models.has(view.model_id)) {
      const state = { ...entry.state };
      for (const key of ["_esm", "_css"]) state[key] = resolve(state[key], page.texts ?? {});
      const model = new PageModel(state);
      models.set(
        view.model_id,
        (async () => {
          let definition = (await importText(state._esm)).default;
          if (typeof definition === "function") definition = await definition();
          addStyle(state._css);
          await definition.initialize?.({ model });
          return { model, definition };
        })(),
      );
    }
    const { model, definition } = await models.get(view.model_id);
    const live = document.createElement("div");
    live.className = "cw-live";
    await definition.render?.({ model, el: live });
    script.after(live);
    const fallback = script.previousElementSibling;
    if (fallback?.classList.contains("cw-static")) fallback.hidden = true;
    live.dataset.ready = "true";
  }

  async function start() {
    const script = document.querySelector(STATE);
    const page = script ? JSON.parse(script.textContent) : {};
    const models = new Map();
    for (const view of document.querySelectorAll(VIEW)) {
      try {
        await show(view, models, page);
      } catch (error) {
        console.error("Widget not started:", error);
        const note = document.createElement("p");
        note.className = "cw-failed";
        note.textContent = `The live form of this widget did not start: ${error.message}`;
        view.after(note);
      }
    }
    document.documentElement.dataset.widgets = "ready";
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
