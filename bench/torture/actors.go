package main

import (
	"context"
	"math/rand/v2"

	"github.com/supportbase/handoff/bench/rig"
)

// restShare is the part of the calls, in percent, that go through the gateway.
const restShare = 5

// do makes the call as the person and keeps account of it. It reports whether it was done, not refused or broken.
func (s *stage) do(ctx context.Context, who rig.Person, c call) (reply, bool) {
	var answered reply
	var err error
	if chance(restShare) {
		answered, err = s.door.rest(ctx, who, c)
	} else {
		answered, err = s.door.sql(ctx, who, c)
	}
	s.tally.count(c.function, err)
	return answered, err == nil
}

// take makes a call that gives a conversation to the agent, and keeps the answer for the verdict.
func (s *stage) take(ctx context.Context, agent rig.Person, function, conversationID string) {
	answered, done := s.do(ctx, agent, rpc(function, "p_conversation_id", conversationID))
	if done && answered.Success && answered.xid != 0 {
		s.keep(answer{xid: answered.xid, conversationID: conversationID, agentID: agent.ID})
	}
}

// agentActs does something that an agent may do. Which conversation is in which state is a moment old, and others act on the
// same one: much is refused, and that is what it is for.
func (s *stage) agentActs(ctx context.Context, agent rig.Person) {
	seen := s.seen.Load()
	own := seen.of[agent.ID]
	if offered := seen.offered[agent.ID]; len(offered) > 0 && chance(60) {
		s.answerOffer(ctx, agent, pick(offered...))
		return
	}
	switch dice := rand.IntN(100); { //nolint:gosec // chance needs no secrecy
	case dice < 5:
		s.do(ctx, agent, rpc("set_agent_status", "p_project_id", demoProject, "p_status", pick("online", "online", "online", "online", "busy", "away", "offline")))
	case dice < 40 && len(seen.waiting) > 0:
		// Everybody wants one of the first.
		s.take(ctx, agent, "claim_conversation", seen.waiting[rand.IntN(min(len(seen.waiting), 4))]) //nolint:gosec // as above
	case dice < 48 && len(seen.withAI) > 0:
		s.take(ctx, agent, "take_over_conversation", pick(seen.withAI...))
	case len(own) == 0:
		// Nothing to do.
	case dice < 72:
		s.do(ctx, agent, rpc("resolve_conversation", "p_conversation_id", pick(own...)))
	case dice < 80:
		s.do(ctx, agent, rpc("transfer_conversation", "p_conversation_id", pick(own...), "p_agent_id", pick(s.agents...).ID))
	case dice < 86:
		s.do(ctx, agent, rpc("transfer_conversation", "p_conversation_id", pick(own...)))
	case dice < 92:
		s.do(ctx, agent, rpc("close_conversation", "p_conversation_id", pick(own...)))
	default:
		s.change(ctx, "agent_message", agent,
			`insert into public.messages (conversation_id, sender_type, sender_id, content) values ($1, 'agent', $2, 'Here I am')`, pick(own...), agent.ID)
	}
}

// answerOffer accepts most offers; those that nobody answers time out.
func (s *stage) answerOffer(ctx context.Context, agent rig.Person, conversationID string) {
	if chance(75) {
		s.take(ctx, agent, "accept_offer", conversationID)
		return
	}
	s.do(ctx, agent, rpc("decline_offer", "p_conversation_id", conversationID))
}

// visitorActs does what brings a visitor's conversation further.
func (s *stage) visitorActs(ctx context.Context, one *visitor) {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.conversationID == "" || s.seen.Load().closed(one.conversationID) {
		answered, done := s.do(ctx, one.person, rpc("start_conversation", "p_project_id", demoProject, "p_visitor_id", "torture-"+one.person.ID))
		if done {
			one.conversationID = answered.ID
		}
		return
	}
	id := one.conversationID
	switch dice := rand.IntN(100); { //nolint:gosec // chance needs no secrecy
	case dice < 45:
		s.do(ctx, one.person, rpc("request_handoff", "p_conversation_id", id))
	case dice < 85:
		s.do(ctx, one.person, rpc("send_message", "p_conversation_id", id, "p_content", "Is anybody there?"))
	case dice < 92:
		s.do(ctx, one.person, rpc("clear_chat", "p_conversation_id", id))
	case dice < 96:
		s.do(ctx, one.person, rpc("close_conversation", "p_conversation_id", id))
	default:
		s.do(ctx, one.person, rpc("return_to_queue", "p_conversation_id", id))
	}
}

// ownerActs changes the team and the queue under everybody's feet.
func (s *stage) ownerActs(ctx context.Context) {
	agent := pick(s.agents...)
	seen := s.seen.Load()
	switch dice := rand.IntN(100); { //nolint:gosec // chance needs no secrecy
	case dice < 40:
		s.do(ctx, s.owner, rpc("change_member", "p_member_id", s.members[agent.ID], "p_max_concurrent_chats", 1+rand.IntN(4))) //nolint:gosec // as above
	case dice < 50:
		s.do(ctx, s.owner, rpc("set_agent_skills", "p_project_id", demoProject, "p_skills", pick([]string{}, []string{"sales"}, []string{"sales", "legal"}), "p_user_id", agent.ID))
	case dice < 60:
		s.do(ctx, s.owner, rpc("set_agent_status", "p_project_id", demoProject, "p_status", pick("online", "away", "offline"), "p_user_id", agent.ID))
	case dice < 70:
		if _, done := s.do(ctx, s.owner, rpc("remove_member", "p_member_id", s.members[agent.ID])); done {
			s.rehire(ctx, agent)
		}
	case dice < 85 && len(seen.waiting) > 0:
		s.change(ctx, "priority", s.owner, `update public.conversations set priority = $2 where id = $1`, pick(seen.waiting...), rand.IntN(4)) //nolint:gosec // as above
	case len(seen.withAI) > 0:
		s.change(ctx, "skills", s.owner, `update public.conversations set required_skills = $2 where id = $1`,
			pick(seen.withAI...), pick([]string{}, []string{}, []string{}, []string{"sales"}, []string{"legal"}))
	}
}

// rehire lets the removed agent accept again, as accept_invitation does, and go online.
func (s *stage) rehire(ctx context.Context, agent rig.Person) {
	_, err := s.ownerPool.Exec(ctx, `update public.project_members set status = 'active' where id = $1`, s.members[agent.ID])
	s.tally.count("rehire", refusal(err))
	s.do(ctx, agent, rpc("set_agent_status", "p_project_id", demoProject, "p_status", "online"))
}

// change is a direct write, as dashboards make them.
func (s *stage) change(ctx context.Context, name string, who rig.Person, statement string, values ...any) {
	s.tally.count(name, s.door.change(ctx, who, statement, values...))
}

func chance(percent int) bool { return rand.IntN(100) < percent } //nolint:gosec // chance needs no secrecy

func pick[T any](choices ...T) T { return choices[rand.IntN(len(choices))] } //nolint:gosec // chance needs no secrecy
