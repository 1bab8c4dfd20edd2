/* Comfort only: every page works without this file. */
"use strict";

(() => {
  /** The name and the place of whatever opened a dialog, so that focus can go back to it. */
  const openers = new WeakMap();

  const openDialog = (dialog, opener) => {
    if (opener) openers.set(dialog, opener);
    dialog.close();
    dialog.showModal();
    const first = dialog.querySelector("[autofocus], [role=alert]") || dialog.querySelector("h2");
    if (first) {
      first.tabIndex = -1;
      first.focus();
    }
  };

  const closeDialog = (dialog) => {
    dialog.close();
    const toggle = document.getElementById(dialog.dataset.switchesOff || "");
    if (toggle) switchOff(toggle);
    // The address keeps no trace of an open dialog, so that reloading does not open it again.
    if (dialog.dataset.closed) history.replaceState(null, "", dialog.dataset.closed);
    const opener = openers.get(dialog) || toggle || document.getElementById(dialog.dataset.opener || "");
    if (opener) opener.focus();
  };

  const switchOff = (toggle) => {
    toggle.checked = false;
    showState(toggle);
  };

  const showState = (toggle) => {
    const state = document.querySelector(`[data-state-of="${toggle.id}"]`);
    if (state) state.textContent = toggle.checked ? "ON" : "OFF";
  };

  /** A form that was sent cannot be sent twice, and its button says what is happening. */
  const guard = (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    const button = event.submitter || form.querySelector("button[type=submit], button:not([type])");
    if (!button) return;
    if (button.dataset.busy) {
      button.dataset.idle = button.textContent;
      button.textContent = button.dataset.busy;
    }
    button.setAttribute("aria-disabled", "true");
  };

  /** A page that comes back from the browser's memory can be used again. */
  const release = () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-disabled]")) {
        button.removeAttribute("aria-disabled");
        if (button.dataset.idle) button.textContent = button.dataset.idle;
      }
    }
  };

  const isTyping = (element) => element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

  document.addEventListener("submit", guard);
  window.addEventListener("pageshow", (event) => event.persisted && release());

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog:modal")) return;
    const field = document.querySelector("[data-search]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    const dialog = opener && document.getElementById(opener.dataset.opens);
    if (dialog) {
      event.preventDefault();
      openDialog(dialog, opener);
      return;
    }
    const closer = event.target.closest("[data-closes]");
    if (closer) {
      event.preventDefault();
      closeDialog(closer.closest("dialog"));
    }
  });

  /** A page that asks for news by itself says so while it gets no answer. */
  document.addEventListener("htmx:afterRequest", (event) => {
    for (const element of document.querySelectorAll("[data-lost]")) element.hidden = event.detail.successful;
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-prints]")) window.print();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) {
      showState(event.target);
      event.target.form.requestSubmit();
    }
  });

  // Escape closes a dialog as its X does.
  document.addEventListener(
    "cancel",
    (event) => {
      if (!event.target.matches("dialog")) return;
      event.preventDefault();
      closeDialog(event.target);
    },
    true,
  );

  const ready = () => {
    for (const button of document.querySelectorAll("[data-prints]")) button.hidden = false;
    const open = document.querySelector("dialog[open]");
    if (open) openDialog(open, null);
    else document.querySelector("[data-focus]")?.focus();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
