// theme.js - runs before the first paint, so that no page flashes in the other theme.
(function () {
  let choice = null;
  try {
    choice = JSON.parse(localStorage.getItem('nuthatch.theme'));
  } catch {
    // Storage is off: follow the system.
  }
  const dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
