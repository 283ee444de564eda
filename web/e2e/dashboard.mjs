// The dashboard as its users see it: roles and names, no selectors of ours where a name will do.

import { PASSWORD } from './people.mjs';
import { pagesUrl, person } from './browser.mjs';

/** Somebody of the team with the dashboard open and signed in. */
export async function teammate(browser, email, options) {
  const one = await person(browser, options);
  await signIn(one.page, email);
  return { ...one, email };
}

export async function signIn(page, email, path = '/dashboard/') {
  await page.goto(pagesUrl() + path);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('button', { name: /^Your status/u }).waitFor();
}

export async function setStatus(page, status) {
  await page.getByRole('button', { name: /^Your status/u }).click();
  await page.getByRole('menuitemradio', { name: new RegExp(`^${status}`, 'u') }).click();
  await page.getByRole('button', { name: new RegExp(`Your status: ${status}`, 'u') }).waitFor();
}

export const listOf = (page) => page.getByRole('list', { name: 'Conversations' });
export const lineOf = (page, name) => listOf(page).getByRole('link', { name: new RegExp(name, 'u') });
export const transcriptOf = (page) => page.getByRole('log', { name: 'Messages' });

export async function openConversation(page, name) {
  await lineOf(page, name).first().click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

export async function reply(page, text) {
  await page.getByRole('textbox', { name: 'Reply' }).fill(text);
  await page.keyboard.press('Enter');
}

export async function chooseAction(page, name) {
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: new RegExp(`^${name}`, 'u') }).click();
}
