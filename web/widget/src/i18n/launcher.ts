/** The few texts that are needed before the chat is loaded. A test holds them to the dictionaries. */
export interface LauncherTexts {
  openChat: string;
  openChatUnread: string;
  closeChat: string;
}

const english: LauncherTexts = {
  openChat: 'Open chat',
  openChatUnread: 'Open chat, {count} unread',
  closeChat: 'Close chat',
};
const german: LauncherTexts = {
  openChat: 'Chat öffnen',
  openChatUnread: 'Chat öffnen, {count} ungelesen',
  closeChat: 'Chat schließen',
};

export const launcherTexts: ReadonlyMap<string, LauncherTexts> = new Map([
  ['en', english],
  ['de', german],
]);

export function textsOf(locale: string): LauncherTexts {
  return launcherTexts.get(locale.toLowerCase().split('-')[0] ?? '') ?? english;
}

export const fill = (text: string, count: number): string => text.replace('{count}', String(count));
