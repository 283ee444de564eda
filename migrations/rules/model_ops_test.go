package rules_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"
)

// modelOp is one operation: how it is done, and what the rules say of it.
type modelOp struct {
	name string
	// chat is the conversation it is about, if it is about one.
	chat  string
	do    func(ctx context.Context, m *modelWorld) string
	apply func(s modelState) (modelState, string)
	// first is what may come of a transaction that goes before, if one does: others may come between.
	first func(s modelState) []modelState
}

// outcomes are all that may come of the operation.
func (o modelOp) outcomes(s modelState) []modelOutcome {
	outcomes := []modelOutcome{o.outcome(s)}
	if chat := s.Chats[o.chat]; chat.Cleared == s.Step {
		s.lookedBefore = true
		outcomes = append(outcomes, o.outcome(s))
	}
	return outcomes
}

func (o modelOp) outcome(s modelState) modelOutcome {
	after, answer := o.apply(s)
	after.lookedBefore = false
	return modelOutcome{state: after, answer: answer}
}

type modelOutcome struct {
	state  modelState
	answer string
}

// modelKinds are the operations by name; those that come often stand more than once.
var modelKinds = map[string]func(*rapid.T, *modelWorld) modelOp{
	"start":        drawStart,
	"request":      drawRequest,
	"write":        drawCustomerMessage,
	"status":       drawStatus,
	"write status": drawStatusWrite,
	"assign":       drawAssign,
	"claim":        drawClaim,
	"take over":    drawTakeOver,
	"transfer":     drawTransfer,
	"resolve":      drawResolve,
	"come back":    drawComeBack,
	"answer":       drawAgentMessage,
	"AI":           drawAIMessage,
	"return":       drawReturn,
	"rate":         drawRate,
	"close":        drawClose,
	"clear":        drawClear,
	"spam":         drawSpam,
	"note":         drawNote,
	"priority":     drawPriority,
	"force":        drawForce,
	"limit":        drawLimit,
	"settings":     drawSettings,

	"accept":         drawAccept,
	"decline":        drawDecline,
	"due":            drawDue,
	"expire":         drawExpire,
	"rest":           drawRest,
	"offer settings": drawOfferSettings,
}

// modelMix says how often which operation comes.
var modelMix = strings.Split("start,start,status,status,write status,request,request,request,assign,assign,assign,"+
	"write,write,come back,come back,claim,claim,claim,take over,resolve,resolve,transfer,transfer,transfer,answer,AI,AI,return,return,"+
	"rate,close,clear,spam,note,priority,force,force,limit,settings,settings", ",")

// evenly draws each of a list as often as the next one: left alone, rapid draws mostly from its head.
func evenly(list []string) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.Bool(), 12, 12), func(bits []bool) string {
		number := 0
		for _, bit := range bits {
			number *= 2
			if bit {
				number++
			}
		}
		return list[number%len(list)]
	})
}

// drawOne draws mostly from the first list and now and then from the second.
func drawOne(t *rapid.T, label string, usual, rare []string) string {
	if len(usual) == 0 || rapid.IntRange(0, 9).Draw(t, label+" is unusual") == 9 {
		return rapid.SampledFrom(rare).Draw(t, label)
	}
	return rapid.SampledFrom(usual).Draw(t, label)
}

func everybody() []string {
	return append(append([]string{modelStranger}, modelTeam...), modelVisitors...)
}

// drawChat draws a conversation: the one that all of this step are about, or mostly the latest of somebody, in one of
// the given states if there is one.
func drawChat(t *rapid.T, m *modelWorld, states ...string) string {
	if m.oneChat != "" {
		return m.oneChat
	}
	all := m.chatNames()
	var latest, fitting []string
	for _, name := range all {
		visitor, ordinal := splitChatName(name)
		if ordinal == m.last.ordinal(visitor) {
			latest = append(latest, name)
		}
		if slices.Contains(states, m.last.Chats[name].Status) {
			fitting = append(fitting, name)
		}
	}
	if len(fitting) > 0 {
		latest = fitting
	}
	return drawOne(t, "chat", latest, append(all, modelNoChat))
}

// splitChatName undoes chatName; a name of no conversation has no visitor.
func splitChatName(name string) (visitor string, ordinal int) {
	visitor, number, found := strings.Cut(name, "#")
	if !found {
		return "", 0
	}
	ordinal, _ = strconv.Atoi(number) // chatName wrote it
	return visitor, ordinal
}

func drawMember(t *rapid.T, m *modelWorld) string {
	if m.oneAgent != noAgent {
		return m.oneAgent
	}
	return drawOne(t, "member", modelTeam, everybody())
}

// drawAgent is mostly who has the conversation, if somebody has it.
func drawAgent(t *rapid.T, m *modelWorld, chat string) string {
	if m.oneAgent != noAgent {
		return m.oneAgent
	}
	usual := modelTeam
	if owner := m.last.Chats[chat].Owner; owner != noAgent {
		usual = []string{owner}
	}
	return drawOne(t, "agent", usual, everybody())
}

// drawVisitor is mostly the visitor of the conversation.
func drawVisitor(t *rapid.T, chat string) string {
	visitor, _ := splitChatName(chat)
	if visitor == "" {
		visitor = modelStranger
	}
	return drawOne(t, "visitor", []string{visitor}, everybody())
}

// simpleOp is an operation of somebody on a conversation that answers success and nothing else of interest.
func simpleOp(who, does, chat, call string, args []any, apply func(modelState) (modelState, string)) modelOp {
	return modelOp{
		name: who + " " + does + " " + chat,
		chat: chat,
		do: func(ctx context.Context, m *modelWorld) string {
			return m.call(ctx, who, answering(modelOK), call, append([]any{m.chats[chat]}, args...)...)
		},
		apply: apply,
	}
}

func answering(text string) func(map[string]any) string {
	return func(map[string]any) string { return text }
}

func fieldText(key string) func(map[string]any) string {
	return func(answer map[string]any) string { return fmt.Sprint(answer[key]) }
}
