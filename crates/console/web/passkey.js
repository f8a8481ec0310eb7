// Passkeys: a form asks our server for a challenge, the browser for an answer to it, and is sent with
// that like any other form. Loaded by the pages that have such a form only.
"use strict";
// A page that is gone back to holds an answer that was given already.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
for (const form of document.querySelectorAll("form.passkey")) {
  const trouble = form.querySelector(".trouble");
  const tell = (text) => { trouble.textContent = text; trouble.hidden = !text; };
  const isAble = isSecureContext && window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON;
  const isSignIn = form.elements.name?.type === "hidden";
  if (isSignIn && !isAble) continue;
  form.hidden = false;
  for (const part of form.querySelectorAll(".adds")) part.hidden = !isAble;
  const buttons = [...form.querySelectorAll("button:not([formaction])")];
  buttons.forEach((button) => { button.disabled = !isAble; });
  if (!isAble) tell("This browser knows no passkeys.");

  // At the sign-in the name stands in the form above.
  const name = () => (isSignIn ? document.querySelector("form:not(.passkey) input[name=name]") : form.elements.name);

  const begin = async () => {
    const body = new URLSearchParams({ name: name().value });
    if (form.elements.password) body.set("password", form.elements.password.value);
    const answer = await fetch(form.dataset.begin, { method: "POST", body });
    const type = answer.headers.get("content-type") || "";
    if (answer.ok && type.startsWith("application/json")) return answer.json();
    // Who is signed out meanwhile is led to the page where one signs in.
    if (answer.redirected) location.assign(answer.url);
    throw new Error(type.startsWith("text/plain") ? await answer.text() : "This did not work. Try again.");
  };
  const ask = (options) => (options.pubKeyCredParams
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }));
  const why = (error) => ({
    NotAllowedError: "No passkey was used: it was cancelled, took too long, or is not on this device.",
    InvalidStateError: "This device has a passkey of yours already.",
  })[error.name] || error.message;

  form.addEventListener("submit", async (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    if (!name().reportValidity()) return;
    buttons.forEach((button) => { button.disabled = true; });
    tell("");
    try {
      form.elements.credential.value = JSON.stringify(await ask(await begin()));
      if (isSignIn) form.elements.name.value = name().value;
      if (form.elements.password) form.elements.password.value = "";
      form.submit();
    } catch (error) {
      tell(why(error));
      buttons.forEach((button) => { button.disabled = false; });
    }
  });
}
