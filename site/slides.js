// Starts reveal.js, as nbconvert's page does, and fits a slide anew once its formulas are set.
Reveal.initialize({
  controls: true, progress: true, history: true, transition: "none", slideNumber: "c/t",
  width: 1280, height: 720, plugins: [RevealNotes],
});
const refit = () => fit(document.querySelector("section.present section.present"));
window.addEventListener("load", () => window.MathJax?.startup?.promise.then(refit));
