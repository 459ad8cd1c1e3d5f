// Light or dark: as the system has it, until somebody chooses.

const system = window.matchMedia("(prefers-color-scheme: dark)");

export const theme = {
  chosen: "auto",
  onchange: () => {},
  state() {
    return { theme: this.chosen, dark: this.chosen === "auto" ? system.matches : this.chosen === "dark" };
  },
  choose(name) {
    this.chosen = name;
    document.documentElement.dataset.theme = this.state().dark ? "dark" : "light";
    this.onchange();
  },
};

document.documentElement.dataset.theme = theme.state().dark ? "dark" : "light";
system.addEventListener("change", () => theme.choose(theme.chosen));
