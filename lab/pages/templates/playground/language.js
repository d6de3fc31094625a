// language.js: the words of the page in its language. English is what is written in the scripts, and its own
// translation; the page holds those of another language by the English ones (lab/statistics/language.py).
const settings = JSON.parse(document.getElementById("settings").textContent);

const say = (text, values = {}, words = settings.words) =>
  (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
