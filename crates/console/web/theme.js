// The theme that the reader chose last, worn before the first thing is shown.
"use strict";
{
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
