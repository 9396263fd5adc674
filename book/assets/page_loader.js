// Runs anywidget modules in a page that has no kernel.
//
// The page holds one script of widget state, one with the modules of the course's widgets, and one
// script per widget view. As soon as the page is read, this loader finds the model of each view,
// adds its CSS once and renders it beside the view, all widgets at one moment; a module that is not
// of the course it imports, each text once. While that has not happened, or if it fails, the static
// form of the widget (class "cw-static", written by the build) stays visible.
(() => {
  "use strict";
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const FOLDER = new URL(".", document.currentScript?.src || document.baseURI).href;
  const modules = new Map();
  const definitions = new Map();
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

  /** What a widget's module exports: one of the page's script of modules, or one of its own. */
  async function definitionOf({ text, part }) {
    if (part === undefined) {
      const found = (await importText(text)).default;
      return typeof found === "function" ? found() : found;
    }
    if (!definitions.has(part)) definitions.set(part, window.courseWidgets[part]());
    return definitions.get(part);
  }

  function addStyle(text) {
    if (!text || styles.has(text)) return;
    styles.add(text);
    document.head.append(Object.assign(document.createElement("style"), { textContent: text }));
  }

  /** State texts that several models share are stored once, under "texts", as {"text": key}. */
  function shared(value, { texts = {} }) {
    return value && typeof value === "object"
      ? { ...value, text: texts[value.text] }
      : { text: value };
  }

  /** A model of the page with its definition, the same for each of its views. */
  function started(id, models, page) {
    const entry = page.state?.[id];
    if (!entry) throw new Error(`the page holds no state for widget ${id}`);
    if (entry.model_module !== "anywidget") {
      throw new Error(
        `${entry.model_name} of ${entry.model_module} is a core ipywidget. This page runs ` +
          "anywidget modules only: its static form stays in the page; open the notebook in " +
          "JupyterLab, Binder or Colab to use it.",
      );
    }
    if (!models.has(id)) {
      const model = new PageModel({ ...entry.state });
      models.set(
        id,
        (async () => {
          const definition = await definitionOf(shared(entry.state._esm, page));
          addStyle(shared(entry.state._css, page).text);
          await definition.initialize?.({ model });
          return { model, definition };
        })(),
      );
    }
    return models.get(id);
  }

  /** Draws a view outside the page; what goes wrong becomes a note. */
  async function drawn(view, models, page) {
    try {
      const { model_id } = JSON.parse(view.textContent);
      const { model, definition } = await started(model_id, models, page);
      const live = document.createElement("div");
      live.className = "cw-live";
      await definition.render?.({ model, el: live });
      return live;
    } catch (error) {
      console.error("Widget not started:", error);
      const note = document.createElement("p");
      note.className = "cw-failed";
      note.textContent = `The live form of this widget did not start: ${error.message}`;
      return note;
    }
  }

  /** Draws all widgets, then puts them into the page, which is laid out once for all of them. */
  async function start() {
    const script = document.querySelector(STATE);
    const page = script ? JSON.parse(script.textContent) : {};
    const models = new Map();
    const views = [...document.querySelectorAll(VIEW)];
    const all = await Promise.all(views.map((view) => drawn(view, models, page)));
    for (const [i, view] of views.entries()) {
      view.after(all[i]);
      if (all[i].className !== "cw-live") continue;
      const fallback = view.previousElementSibling;
      if (fallback?.classList.contains("cw-static")) fallback.hidden = true;
      all[i].dataset.ready = "true";
    }
    document.documentElement.dataset.widgets = "ready";
  }

  // Once the page is read, and before the scripts that wait for that.
  if (document.readyState === "loading")
    document.addEventListener("readystatechange", start, { once: true });
  else start();
})();
