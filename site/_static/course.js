// Search works from files, too: only the lines of text below each hit need a server.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// What scrolls sideways can be scrolled by the keyboard.
function reachable() {
  for (const part of document.querySelectorAll(".bd-article :is(pre, table, mjx-container, .output)")) {
    if (part.scrollWidth > part.clientWidth + 1) part.tabIndex = 0;
  }
}
window.addEventListener("load", () => {
  reachable();
  window.MathJax?.startup?.promise.then(reachable);
  window.addEventListener("resize", reachable);
  for (const folded of document.querySelectorAll("details")) folded.addEventListener("toggle", reachable);
});
