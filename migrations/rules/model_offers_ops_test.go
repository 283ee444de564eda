package rules_test

import (
	"context"
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// modelOffersMix says how often which operation comes where conversations are offered.
var modelOffersMix = strings.Split("start,start,start,request,request,request,request,status,status,write status,"+
	"assign,assign,assign,assign,assign,assign,assign,assign,assign,assign,accept,accept,accept,decline,decline,decline,decline,decline,"+
	"due,due,due,due,due,due,expire,expire,rest,rest,rest,rest,rest,rest,rest,come back,come back,claim,take over,resolve,resolve,resolve,resolve,"+
	"transfer,transfer,return,close,clear,spam,force,limit,limit,offer settings", ",")

// drawOffered draws mostly a conversation that is offered to somebody, and that somebody.
func drawOffered(t *rapid.T, m *modelWorld) (agent, chat string) {
	chat = m.oneChat
	if chat == "" {
		var offered []string
		for _, name := range m.chatNames() {
			if m.last.Chats[name].openOffer() >= 0 {
				offered = append(offered, name)
			}
		}
		chat = drawOne(t, "chat", offered, append(m.chatNames(), modelNoChat))
	}
	if m.oneAgent != noAgent {
		return m.oneAgent, chat
	}
	usual := modelTeam
	if open := m.last.Chats[chat].openOffer(); open >= 0 {
		usual = []string{m.last.Chats[chat].Offers[open].Agent}
	}
	return drawOne(t, "agent", usual, everybody()), chat
}

func drawAccept(t *rapid.T, m *modelWorld) modelOp {
	agent, chat := drawOffered(t, m)
	op := simpleOp(agent, "accepts", chat, "", nil, func(s modelState) (modelState, string) { return s.accept(agent, chat) })
	op.do = func(ctx context.Context, m *modelWorld) string {
		return m.call(ctx, agent, takeText, "accept_offer($1)", m.chats[chat])
	}
	return op
}

func drawDecline(t *rapid.T, m *modelWorld) modelOp {
	agent, chat := drawOffered(t, m)
	reason := rapid.SampledFrom([]string{"", "Lunch"}).Draw(t, "reason")
	op := simpleOp(agent, "declines", chat, "", nil, func(s modelState) (modelState, string) { return s.decline(agent, chat, reason) })
	op.do = func(ctx context.Context, m *modelWorld) string {
		return m.call(ctx, agent, takeText, "decline_offer($1, $2)", m.chats[chat], reason)
	}
	return op
}

// drawDue lets the time of an offer pass.
func drawDue(t *rapid.T, m *modelWorld) modelOp {
	_, chat := drawOffered(t, m)
	return modelOp{
		name: "the offer's time is over: " + chat,
		do: func(ctx context.Context, m *modelWorld) string {
			return m.byHand(ctx, `update handoff.offers set expires_at = $2 where conversation_id = $1 and state = 'open'`,
				m.chats[chat], modelLongAgo)
		},
		apply: func(s modelState) (modelState, string) { return s.due(chat), modelOK },
	}
}

// drawRest lets a minute pass, and more, after all that was refused.
func drawRest(*rapid.T, *modelWorld) modelOp {
	return modelOp{
		name: "a minute passes",
		do: func(ctx context.Context, m *modelWorld) string {
			return m.byHand(ctx, `
				with refused as (  -- in one order, for two may do this at once
				  select id from handoff.offers
				   where project_id = $1 and state in ('declined', 'missed') order by id for no key update
				)
				update handoff.offers as offer set ended_at = offer.ended_at - interval '1 hour'
				  from refused where offer.id = refused.id`, m.project)
		},
		apply: func(s modelState) (modelState, string) { return s.rest(), modelOK },
	}
}

// drawExpire is the worker's clock, which ends what nobody has answered.
func drawExpire(*rapid.T, *modelWorld) modelOp {
	return modelOp{
		name:  "the clock ends offers",
		first: modelState.expiries,
		do: func(ctx context.Context, m *modelWorld) string {
			return m.byHand(ctx, `select handoff.expire_offers(project_id => $1)`, m.project)
		},
		apply: func(s modelState) (modelState, string) { return s, modelOK },
	}
}

// drawOfferSettings turns offers off now and then, and sets after how many that are missed an agent is away.
func drawOfferSettings(t *rapid.T, m *modelWorld) modelOp {
	settings, change := m.last.Settings, "as they are"
	if rapid.IntRange(0, 3).Draw(t, "other switches") == 3 {
		settings, change = drawSwitches(t)
	}
	settings.Offers = rapid.IntRange(0, 4).Draw(t, "without offers") < 4
	settings.Away = rapid.IntRange(0, 2).Draw(t, "missed offers")
	return settingsOp(settings, fmt.Sprintf("%s, offers %t, away after %d", change, settings.Offers, settings.Away))
}
