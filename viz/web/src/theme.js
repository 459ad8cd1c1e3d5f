// Light or dark: as the system has it, until somebody chooses.

const system = window.matchMedia("(prefers-color-scheme: dark)");

export const theme = {
  chosen: "auto",
  onchange: () => {},
  others: [],
  /** Call something after each change, too. */
  also(work) {
    this.others.push(work);
  },
  state() {
    return { theme: this.chosen, dark: this.chosen === "auto" ? system.matches : this.chosen === "dark" };
  },
  choose(name) {
    this.chosen = name;
    document.documentElement.dataset.theme = this.state().dark ? "dark" : "light";
    this.onchange();
    for (const work of this.others) work();
  },
};

document.documentElement.dataset.theme = theme.state().dark ? "dark" : "light";
system.addEventListener("change", () => theme.choose(theme.chosen));
