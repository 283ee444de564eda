import type { InboxList } from '@supportbase/handoff';
import { useCallback } from 'react';
import { useLocation } from 'wouter';

/** Below this path the page is served; links inside are relative to it. */
export const BASE = '/dashboard';

export const lists: readonly InboxList[] = ['all', 'mine', 'queue', 'closed'];

export function isList(text: string | undefined): text is InboxList {
  return lists.includes(text as InboxList);
}

export const paths = {
  list: (list: InboxList) => `/inbox/${list}`,
  conversation: (list: InboxList, id: string) => `/inbox/${list}/${id}`,
  /** Where the mail of an invitation leads. */
  accept: '/accept',
  forgot: '/forgot',
  /** Where the mail that resets a password leads. */
  reset: '/reset',
  visitors: '/visitors',
  team: '/team',
  settings: (section: string) => `/settings/${section}`,
};

/** Opens a conversation from anywhere. */
export function useOpen(): (id: string, list?: InboxList) => void {
  const [, navigate] = useLocation();
  return useCallback((id, list = 'all') => navigate(paths.conversation(list, id)), [navigate]);
}
