// What the theme leaves out for readers who do not see the page: the names of buttons are what they show, the sidebar
// is a landmark, and the references are the items of their list.
document.addEventListener("DOMContentLoaded", () => {
  for (const shown of document.querySelectorAll("summary[aria-label], .search-button__button, .theme-switch-button")) {
    shown.removeAttribute("aria-label");
  }
  for (const button of document.querySelectorAll(".theme-switch-button")) {
    button.title = "Colour mode";
  }
  for (const sidebar of document.querySelectorAll(".bd-sidebar-primary")) {
    sidebar.setAttribute("role", "complementary");
    sidebar.setAttribute("aria-label", "Contents of the book");
  }
  for (const reference of document.querySelectorAll(".citation-list > .citation")) {
    reference.setAttribute("role", "listitem");
  }
});
