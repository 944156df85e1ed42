// The page of a user: what fails, the latest calls, and the history of the account.

let known = data;

function show(news) {
  known = news;
  const { user, account, calls, all, groups } = news;
  $("title").replaceChildren(make("bdi", {}, user));
  const now = account[0];
  $("summary").replaceChildren(make("span", { class: now && !now.signed_in ? "ending note" : "" }, now?.text ?? "The log has nothing of an account."));
  $("failing").hidden = !groups.length;
  fill($("grouped"), groups.map(groupRow));
  fill($("found"), calls.map(callRow));
  fill($("account"), account.map((change) => make("tr", {},
    make("th", { scope: "row" }, instant(change.at)), make("td", { class: "end" }, make("bdi", {}, change.text)))));
  $("every").href = `${up}?${new URLSearchParams({ user })}`;
  $("every").textContent = all > calls.length ? `All ${all} calls of this user` : "These calls in the list of all, with filters";
}

startTheme();
startZone(() => {
  nameZone();
  show(known);
});
nameZone();
watch(() => source, show);
listKeys({});
show(data);
