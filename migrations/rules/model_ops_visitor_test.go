package rules_test

import (
	"context"
	"fmt"

	"pgregory.net/rapid"
)

func drawStart(t *rapid.T, _ *modelWorld) modelOp {
	return visitorStarts(rapid.SampledFrom(modelVisitors).Draw(t, "visitor"))
}

func visitorStarts(visitor string) modelOp {
	return modelOp{
		name: visitor + " starts",
		do: func(ctx context.Context, m *modelWorld) string {
			return m.call(ctx, visitor, fieldText("status"), "start_conversation($1, $2)", m.project, "visitor-"+visitor)
		},
		apply: func(s modelState) (modelState, string) { return s.start(visitor) },
	}
}

func drawRequest(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m, "ai_active")
	return visitorAsks(drawVisitor(t, chat), chat)
}

func visitorAsks(visitor, chat string) modelOp {
	return modelOp{
		name: visitor + " asks for a person in " + chat,
		chat: chat,
		do: func(ctx context.Context, m *modelWorld) string {
			return m.call(ctx, visitor, m.handoffText, "request_handoff($1, 'button_click')", m.chats[chat])
		},
		apply: func(s modelState) (modelState, string) { return s.requestHandoff(visitor, chat) },
	}
}

// handoffText is the answer of request_handoff without the numbers: those are compared after the step.
func (m *modelWorld) handoffText(answer map[string]any) string {
	status := fieldText("status")(answer)
	switch status {
	case "offline":
		return status + " " + fieldText("reason")(answer)
	case "agent_active":
		agent, _ := answer["assigned_agent"].(map[string]any)
		return status + " " + m.names[fieldText("id")(agent)]
	default:
		return status
	}
}

func drawCustomerMessage(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m)
	return messageOp(drawVisitor(t, chat), chat, rapid.Bool().Draw(t, "with the keyword"))
}

// drawComeBack is a customer who writes after it was resolved.
func drawComeBack(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m, "resolved")
	return messageOp(drawVisitor(t, chat), chat, false)
}

func drawAgentMessage(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m, "agent_active")
	return messageOp(drawAgent(t, m, chat), chat, false)
}

func messageOp(who, chat string, keyword bool) modelOp {
	op := modelOp{name: who + " writes in " + chat, chat: chat}
	content := "Good morning"
	if keyword {
		op.name += " with the keyword"
		content = "Can a Human help me?"
	}
	op.do = func(ctx context.Context, m *modelWorld) string {
		return m.call(ctx, who, answering(modelOK), "send_message($1, $2)", m.chats[chat], content)
	}
	op.apply = func(s modelState) (modelState, string) { return s.write(who, chat, keyword) }
	return op
}

func drawAIMessage(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m, "ai_active", "waiting")
	confidence := rapid.SampledFrom([]string{highConfidence, lowConfidence}).Draw(t, "confidence")
	return modelOp{
		name: "the AI answers in " + chat + " with confidence " + confidence,
		do: func(ctx context.Context, m *modelWorld) string {
			return m.callAs(ctx, m.robot, answering(modelOK), "public.post_ai_message($1, 'Well', $2::text::float8)", m.chats[chat], confidence)
		},
		apply: func(s modelState) (modelState, string) { return s.aiWrites(chat, confidence) },
	}
}

func drawClose(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m)
	actor := drawOne(t, "who", []string{drawVisitor(t, chat), drawAgent(t, m, chat)}, everybody())
	return simpleOp(actor, "closes", chat, "close_conversation($1)", nil,
		func(s modelState) (modelState, string) { return s.leave(actor, chat) })
}

func drawClear(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m)
	visitor := drawVisitor(t, chat)
	return simpleOp(visitor, "clears", chat, "clear_chat($1)", nil,
		func(s modelState) (modelState, string) { return s.clear(visitor, chat) })
}

func drawRate(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m, "resolved", "closed")
	visitor, rating := drawVisitor(t, chat), rapid.IntRange(0, 6).Draw(t, "rating")
	return simpleOp(visitor, fmt.Sprintf("rates with %d", rating), chat, "rate_conversation($1, $2)", []any{rating},
		func(s modelState) (modelState, string) { return s.rate(visitor, chat, rating) })
}

func drawReturn(t *rapid.T, m *modelWorld) modelOp {
	chat := drawChat(t, m, "agent_active")
	visitor, later := drawVisitor(t, chat), rapid.Bool().Draw(t, "eleven minutes later")
	op := simpleOp(visitor, "leaves the agent of", chat, "", nil,
		func(s modelState) (modelState, string) { return s.returnToQueue(visitor, chat, later) })
	wait := "0"
	if later {
		op.name, wait = op.name+" eleven minutes later", "11 minutes"
	}
	op.do = func(ctx context.Context, m *modelWorld) string {
		return m.callAs(ctx, m.people[visitor], m.handoffText, "handoff.return_to_queue($1, now() + $2::text::interval)", m.chats[chat], wait)
	}
	return op
}
