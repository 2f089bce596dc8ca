// Where the server is. Below a page's path Streamlit would ask there first, and be told 404.
window.__streamlit = { BACKEND_BASE_URL: location.origin };

// One act of a person is one step of the browser's history, however often the address changes on its account: a page that
// is opened says in its address what it shows, and a lesson sets up several widgets.
{
  let acted = false;
  for (const act of ["pointerdown", "keydown"]) addEventListener(act, () => { acted = true; }, true);
  addEventListener("popstate", () => { acted = false; }, true);
  const push = history.pushState.bind(history);
  history.pushState = (...step) => {
    (acted ? push : history.replaceState.bind(history))(...step);
    acted = false;
  };
}
