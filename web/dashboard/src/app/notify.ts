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

/** What an agent who looks elsewhere wants to hear of. `nameOf` is the customer of an own chat. */
export function newsOf(event: DashboardEvent, nameOf: (conversationId: string) => string | null): News | null {
  switch (event.event) {
    case 'message': {
      const { conversation_id, sender_type, content } = event.payload.message;
      if (sender_type !== 'customer') return null;
      return { title: nameOf(conversation_id) ?? 'A visitor', body: content, conversationId: conversation_id };
    }
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
  useEffect(() => {
    const introduced = new Map<string, string | null>(); // the list is read a moment after a chat is given
    return client.onEvent((event) => {
      const news = newsOf(event, (id) => customerOf(client, id) ?? introduced.get(id) ?? null);
      if (news === null) return;
      if (event.event === 'conversation_assigned') {
        introduced.set(news.conversationId, event.payload.customer_name);
        show(news);
      }
      if (document.hidden) notifyDesktop(news, () => open(news.conversationId));
    });
  }, [client, show, open]);
}

function customerOf(client: AgentClient, conversationId: string): string | null {
  return (
    client
      .inbox('mine')
      .getSnapshot()
      .lines.find(({ id }) => id === conversationId)?.customer_name ?? null
  );
}

export function desktopPermission(): NotificationPermission {
  return 'Notification' in window ? Notification.permission : 'denied';
}

function notifyDesktop(news: News, open: () => void): void {
  if (desktopPermission() !== 'granted') return;
  // One a conversation, which makes itself heard each time; TypeScript does not know renotify yet.
  const options: NotificationOptions & { renotify: boolean } = {
    body: news.body,
    tag: news.conversationId,
    renotify: true,
  };
  const notification = new Notification(news.title, options);
  notification.onclick = () => {
    window.focus();
    open();
    notification.close();
  };
}
