package rules_test

import (
	"context"
	"fmt"

	"pgregory.net/rapid"

	"github.com/supportbase/handoff/worker/assignment"
)

var modelStatuses = []string{"online", "online", "online", "offline", "away", "busy"}

func drawStatus(t *rapid.T, m *modelWorld) modelOp {
	agent := drawMember(t, m)
	return agentGoes(drawOne(t, "who says so", []string{agent}, everybody()), agent, rapid.SampledFrom(modelStatuses).Draw(t, "status"))
}

func agentGoes(actor, agent, status string) modelOp {
	return modelOp{
		name: actor + " sets " + agent + " " + status,
		do: func(ctx context.Context, m *modelWorld) string {
			render := func(answer map[string]any) string {
				return fmt.Sprintf("%v, %v of %v and %v offered", answer["effective_status"], answer["current_chat_count"],
					answer["max_concurrent_chats"], answer["offered_chat_count"])
			}
			return m.call(ctx, actor, render, "set_agent_status($1, $2, $3)", m.project, status, m.people[agent].id)
		},
		apply: func(s modelState) (modelState, string) { return s.setStatus(actor, agent, status) },
	}
}

func drawStatusWrite(t *rapid.T, m *modelWorld) modelOp {
	agent, status := drawMember(t, m), rapid.SampledFrom(modelStatuses).Draw(t, "status")
	return modelOp{
		name: agent + " writes the status " + status,
		do: func(ctx context.Context, m *modelWorld) string {
			return m.statement(ctx, m.people[agent], `update public.agent_availability set status = $3 where project_id = $1 and user_id = $2`,
				m.project, m.people[agent].id, status)
		},
		apply: func(s modelState) (modelState, string) { return s.writeStatus(agent, status) },
	}
}

func drawClaim(t *rapid.T, m *modelWorld) modelOp {
	return takeOp(drawMember(t, m), "claims", drawChat(t, m, "waiting"), "claim_conversation($1)", false)
}

func drawTakeOver(t *rapid.T, m *modelWorld) modelOp {
	return takeOp(drawMember(t, m), "takes over", drawChat(t, m, "ai_active", "waiting"), "take_over_conversation($1)", true)
}

func takeOp(agent, does, chat, call string, fromAI bool) modelOp {
	op := simpleOp(agent, does, chat, call, nil, func(s modelState) (modelState, string) { return s.take(agent, chat, fromAI) })
	op.do = func(ctx context.Context, m *modelWorld) string {
		return m.call(ctx, agent, takeText, call, m.chats[chat])
	}
	return op
}

func takeText(answer map[string]any) string {
	if answer["success"] == true {
		return "success"
	}
	return fieldText("error")(answer)
}

func drawResolve(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m, "agent_active")
	agent := drawAgent(t, m, chat)
	return simpleOp(agent, "resolves", chat, "resolve_conversation($1)", nil,
		func(s modelState) (modelState, string) { return s.resolve(agent, chat) })
}

func drawTransfer(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m, "agent_active")
	agent := drawAgent(t, m, chat)
	to := drawOne(t, "to", append([]string{noAgent}, modelTeam...), everybody())
	op := simpleOp(agent, "transfers to "+to+":", chat, "", nil,
		func(s modelState) (modelState, string) { return s.transfer(agent, chat, to) })
	op.do = func(ctx context.Context, m *modelWorld) string {
		return m.call(ctx, agent, answering(modelOK), "transfer_conversation($1, nullif($2, '')::uuid)", m.chats[chat], m.people[to].id)
	}
	return op
}

func drawSpam(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m)
	agent := drawAgent(t, m, chat)
	return simpleOp(agent, "marks as spam", chat, "mark_spam($1)", nil,
		func(s modelState) (modelState, string) { return s.markSpam(agent, chat) })
}

func drawNote(t *rapid.T, m *modelWorld) modelOp {
	agent, chat := drawMember(t, m), drawChat(t, m)
	return simpleOp(agent, "notes something on", chat, "add_note($1, 'Hm')", nil,
		func(s modelState) (modelState, string) { return s.note(agent, chat) })
}

func drawPriority(t *rapid.T, m *modelWorld) modelOp {
	agent, chat := drawMember(t, m), drawChat(t, m)
	priority := rapid.IntRange(0, 2).Draw(t, "priority")
	return modelOp{
		name: fmt.Sprintf("%s gives %s priority %d", agent, chat, priority),
		do: func(ctx context.Context, m *modelWorld) string {
			return m.statement(ctx, m.people[agent], `update public.conversations set priority = $2 where id = $1`, m.chats[chat], priority)
		},
		apply: func(s modelState) (modelState, string) { return s.prioritize(agent, chat, priority) },
	}
}

// drawForce never gives a chat to an agent: only the functions that do look at the limit.
func drawForce(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m)
	to := rapid.SampledFrom([]string{"ai_active", "waiting", "resolved", "closed"}).Draw(t, "status")
	return modelOp{
		name: "the service sets " + chat + " to " + to,
		do: func(ctx context.Context, m *modelWorld) string {
			return m.statement(ctx, m.robot, `update public.conversations set status = $2 where id = $1`, m.chats[chat], to)
		},
		apply: func(s modelState) (modelState, string) { return s.force(chat, to) },
	}
}

func drawLimit(t *rapid.T, _ *modelWorld) modelOp {
	actor := drawOne(t, "who", []string{modelAdmin}, everybody())
	agent := rapid.SampledFrom(modelTeam).Draw(t, "agent")
	limit := rapid.IntRange(1, 3).Draw(t, "limit")
	return modelOp{
		name: fmt.Sprintf("%s lets %s have %d chats", actor, agent, limit),
		do: func(ctx context.Context, m *modelWorld) string {
			return m.call(ctx, actor, answering(modelOK), `change_member(
				(select id from public.project_members where project_id = $1 and user_id = $2), null, $3)`,
				m.project, m.people[agent].id, limit)
		},
		apply: func(s modelState) (modelState, string) { return s.setLimit(actor, agent, limit) },
	}
}

// drawSettings makes somebody available half of the time, or a walk would end with everything off.
func drawSettings(t *rapid.T, _ *modelWorld) modelOp {
	return settingsOp(drawSwitches(t))
}

func drawSwitches(t *rapid.T) (settings modelSettings, change string) {
	settings = modelSettings{Enabled: true, Mode: "both", Open: true, Keywords: true, Confidence: true}
	change = rapid.SampledFrom([]string{"on", "on", "on", "auto", "manual", "disabled", "closed", "no keywords", "any confidence"}).Draw(t, "settings")
	switch change {
	case "auto", "manual":
		settings.Mode = change
	case "disabled":
		settings.Enabled = false
	case "closed":
		settings.Open = false
	case "no keywords":
		settings.Keywords = false
	case "any confidence":
		settings.Confidence = false
	}
	return settings, change
}

func settingsOp(settings modelSettings, change string) modelOp {
	return modelOp{
		name:  "settings: " + change,
		do:    func(ctx context.Context, m *modelWorld) string { return m.changeSettings(ctx, settings) },
		apply: func(s modelState) (modelState, string) { return s.change(settings) },
	}
}

// workerSaw is what AssignBatch saw and decided, by name.
type workerSaw struct {
	chats   []string
	agents  map[string]int
	decided []modelAssignment
}

// modelAssignment is a decision of the worker; the round only counts where chats are offered.
type modelAssignment struct {
	chat, agent string
	round       int
}

// drawAssign is the worker giving out what waits. It reports what it saw, and the rules judge whether it could see that.
// First, in a transaction of its own, it ends the offers whose time is over.
func drawAssign(*rapid.T, *modelWorld) modelOp {
	seen := workerSaw{agents: map[string]int{}}
	return modelOp{
		name:  "the worker assigns",
		first: modelState.expiries,
		do: func(ctx context.Context, m *modelWorld) string {
			_, err := m.queue.AssignBatch(ctx, m.project, 0, 100, func(strategy assignment.Strategy, chats []assignment.Chat, agents []assignment.Agent) []assignment.Assignment {
				plan := assignment.Plan(strategy, chats, agents)
				seen = m.workerSaw(chats, agents, plan)
				return plan
			})
			return refusalText(err)
		},
		apply: func(s modelState) (modelState, string) { return s.assigned(seen) },
	}
}

// workerSaw translates ids to names. A conversation of this very step has no name yet and cannot wait.
func (m *modelWorld) workerSaw(chats []assignment.Chat, agents []assignment.Agent, plan []assignment.Assignment) workerSaw {
	byID := map[string]string{}
	for name, id := range m.chats {
		byID[id] = name
	}
	seen := workerSaw{agents: map[string]int{}}
	for _, chat := range chats {
		seen.chats = append(seen.chats, byID[chat.ID])
	}
	for _, agent := range agents {
		seen.agents[m.names[agent.ID]] = agent.FreeSlots
	}
	for _, one := range plan {
		seen.decided = append(seen.decided, modelAssignment{chat: byID[one.ChatID], agent: m.names[one.AgentID], round: one.Round})
	}
	return seen
}
