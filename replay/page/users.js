// The page of all users who have an account: its state, and since when.

let known = data;

function show(news) {
  known = news;
  const text = $("search").value.trim().toLowerCase(), out = $("state").value === "out";
  const found = news.filter((each) => !(out && each.signed_in) && `${each.user}\n${each.address}\n${each.status}`.toLowerCase().includes(text));
  const signedIn = news.filter((each) => each.signed_in).length;
  $("summary").textContent = `${news.length} ${news.length === 1 ? "account" : "accounts"}, ${signedIn} signed in`;
  $("nothing").hidden = Boolean(found.length);
  fill($("found"), found.map(accountRow));
}

function accountRow(each) {
  return make("tr", {},
    make("th", { scope: "row" }, make("a", { class: "open", href: `user/${encodeURIComponent(each.user)}` }, make("bdi", {}, each.user))),
    make("td", { class: "with" }, make("bdi", {}, each.address)),
    make("td", { class: "end" }, make("bdi", {}, each.status)),
    make("td", { class: "time" }, instant(each.at)));
}

startTheme();
startZone(() => {
  nameZone();
  show(known);
});
nameZone();
watch(() => source, show);
$("wanted").addEventListener("input", () => show(known));
$("wanted").addEventListener("submit", (event) => event.preventDefault());
listKeys({ "/": () => $("search").select() });
show(data);
