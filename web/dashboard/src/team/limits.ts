/** F001 5.1.5: between 1 and 50. */
export function limitError(chats: string): string | undefined {
  const number = Number(chats);
  return Number.isInteger(number) && number >= 1 && number <= 50 ? undefined : 'Between 1 and 50';
}
