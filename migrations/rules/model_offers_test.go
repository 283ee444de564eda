package rules_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

const (
	// modelLongAgo is when an offer ends whose time is over.
	modelLongAgo    = "2000-01-01"
	modelReadOffers = `
		select offer.conversation_id::text, offer.agent_id::text, offer.state, coalesce(offer.end_reason, ''), offer.round,
		       row_number() over (partition by offer.agent_id order by offer.id),
		       offer.state = 'open' and offer.expires_at = '` + modelLongAgo + `',
		       offer.state in ('declined', 'missed') and offer.ended_at < $2,
		       offer.waiting_since <> conversation.waiting_since,
		       offer.state <> 'withdrawn' and offer.offered_at >= agent.status_changed_at
		  from handoff.offers as offer
		  join public.conversations as conversation on conversation.id = offer.conversation_id
		  join public.agent_availability as agent on agent.project_id = offer.project_id and agent.user_id = offer.agent_id
		 where offer.project_id = $1
		 order by offer.id`
)

// modelOffersTime is for how long walks are begun, unless -rapid.checks asks for a number of them.
const modelOffersTime = 14 * time.Second

// TestModelOffers is TestModel where conversations are offered before they are given: agents accept and decline, offers run
// out, and whatever happens to conversation, agent or settings ends them, four at the same moment as well.
func TestModelOffers(t *testing.T) {
	t.Parallel()
	shared := newWorld(t)
	shared.openAPI(t, mostAtOnce)
	shared.exec(t, `create index on handoff.outbox (project_id)`)
	stats := modelStats{t: t}
	asked, begun := wasGiven("rapid.checks"), time.Now()
	rapid.Check(t, func(rt *rapid.T) {
		if !asked && time.Since(begun) > modelOffersTime {
			return
		}
		walk := &modelWalk{m: newModelWorld(t, shared), mix: modelOffersMix, stats: &stats}
		walk.begin(rt)
		settings := walk.state.Settings
		settings.Offers, settings.Away = true, rapid.IntRange(0, 2).Draw(rt, "missed offers")
		walk.together(rt, settingsOp(settings, "offers"))
		walk.busyDay(rt, modelTeam, []string{"sarah", "mike"}, []string{"mike"})
		walk.together(rt, drawAssign(rt, walk.m))
		rt.Repeat(walk.steps())
		rt.Repeat(walk.steps()) // a round of offers is long
	})
	assertInvariants(t, shared)
	stats.report("")
	t.Log("offers: " + read[string](t, shared, `
		select coalesce(string_agg(ended || ':' || offers, ' ' order by ended), '')
		  from (select concat_ws(' ', state, case state when 'withdrawn' then end_reason end, case when round > 1 then 'again' end) as ended,
		               count(*) as offers
		          from handoff.offers group by 1) as counted`))
}

// wasGiven says whether the command line has the flag.
func wasGiven(name string) bool {
	given := false
	flag.Visit(func(one *flag.Flag) { given = given || one.Name == name })
	return given
}

// readOffer adds an offer to its conversation.
func (m *modelWorld) readOffer(rows pgx.Rows, seen *observation) error {
	var id, agent string
	var offer modelOffer
	err := rows.Scan(&id, &agent, &offer.State, &offer.Reason, &offer.Round, &offer.Turn, &offer.Due, &offer.Rested, &offer.Past, &offer.Counts)
	if err != nil {
		return fmt.Errorf("read offer: %w", err)
	}
	offer.Agent = m.names[agent]
	for name, chatID := range m.chats {
		if chatID == id {
			chat := seen.Chats[name]
			chat.Offers = append(chat.Offers, offer)
			seen.Chats[name] = chat
		}
	}
	return nil
}

// assertOffersTold checks that each offer was told, and its end.
func assertOffersTold(rt *rapid.T, seen observation) {
	for name, chat := range seen.Chats {
		var told []string
		for _, offer := range chat.Offers {
			told = append(told, "conversation_offered to "+offer.Agent)
			if offer.State == "open" {
				continue
			}
			end := offer.State
			if offer.Reason != "" {
				end += " " + offer.Reason
			}
			told = append(told, "offer_ended "+end+" of "+offer.Agent)
		}
		assert.Equal(rt, told, seen.OffersTold[name], "what was told of the offers of %s", name)
	}
}

// leadsTo says whether the offer may have become the later one.
func (o modelOffer) leadsTo(later modelOffer) bool {
	sameEnd := o.State == "open" || (o.State == later.State && o.Reason == later.Reason)
	return o.Agent == later.Agent && o.Round == later.Round && o.Turn == later.Turn && sameEnd
}
