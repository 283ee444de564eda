import type { AgentClient, DashboardEvent } from '@supportbase/handoff';
import { useEffect } from 'react';

import { isUnread, seen } from './seen';
import { useStore } from './store';

const APP = 'SupportBase';

/** "(3) Inbox · SupportBase": what waits, and what is unread. */
export function useTitleBadge(client: AgentClient, page: string): void {
  const { queue } = useStore(client.counts);
  const { lines } = useStore(client.inbox('mine'));
  const all = useStore(seen);
  const count = queue + lines.filter((line) => isUnread(line, client.userId, all)).length;
  useEffect(() => {
    document.title = `${count > 0 ? `(${count}) ` : ''}${page} · ${APP}`;
  }, [count, page]);
}

export interface News {
  title: string;
  body: string;
  conversationId: string;
}

/** What an agent who looks elsewhere wants to hear of. */
export function newsOf(event: DashboardEvent): News | null {
  switch (event.event) {
    case 'conversation_assigned': {
      const { conversation_id, customer_name, preview } = event.payload;
      return {
        title: `${customer_name ?? 'A visitor'} is yours`,
        body: preview ?? '',
        conversationId: conversation_id,
      };
    }
    case 'conversation_offered': {
      const { conversation_id, customer_name, preview } = event.payload;
      return {
        title: `${customer_name ?? 'A visitor'}: will you take it?`,
        body: preview ?? '',
        conversationId: conversation_id,
      };
    }
    case 'new_conversation': {
      const { id, customer_name, preview } = event.payload.conversation;
      return { title: `${customer_name ?? 'A visitor'} is waiting`, body: preview ?? '', conversationId: id };
    }
    default:
      return null;
  }
}

/** Tells the news inside the page, and as a desktop notification while the page is hidden and the agent has allowed it. */
export function useNews(client: AgentClient, show: (news: News) => void, open: (conversationId: string) => void): void {
  useEffect(
    () =>
      client.onEvent((event) => {
        const news = newsOf(event);
        if (news === null) return;
        if (event.event === 'conversation_assigned') show(news);
        if (document.hidden) notifyDesktop(news, () => open(news.conversationId));
      }),
    [client, show, open],
  );
}

export function desktopPermission(): NotificationPermission {
  return 'Notification' in window ? Notification.permission : 'denied';
}

function notifyDesktop(news: News, open: () => void): void {
  if (desktopPermission() !== 'granted') return;
  const notification = new Notification(news.title, { body: news.body, tag: news.conversationId });
  notification.onclick = () => {
    window.focus();
    open();
    notification.close();
  };
}
