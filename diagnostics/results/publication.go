package results

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/marking"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

// standing is where the results of a campaign stand.
type standing struct {
	Campaign   campaign.Campaign
	Submitted  int
	InProgress int
	Waiting    int // works that experts have not decided
	Unfinished int // revisions that wait for marking
	Model      ModelState
	LastScore  time.Time // of the newest revision
}

// stale tells whether scores have changed since the model was fitted.
func (s standing) stale() bool { return s.Model.Version > 0 && s.LastScore.After(s.Model.FittedAt) }

// A Blocker is one reason why results cannot be published yet.
type Blocker struct {
	Text string
	Fit  bool // the remedy is to fit the model
	Mark bool // the remedy is marking
}

// blockers lists what stands in the way of publication, in the order to deal with it.
func (s standing) blockers(now time.Time) []Blocker {
	b := []Blocker{}
	c := s.Campaign
	if c.Purpose != campaign.Real {
		b = append(b, Blocker{Text: "Это не настоящая диагностика: её результаты не публикуются и в показатели не входят"})
	}
	if c.State != campaign.Closed && now.Before(c.ClosesAt) {
		b = append(b, Blocker{Text: "Диагностика ещё идёт: закроется " + calendar.DateTime(c.ClosesAt) + ". Опубликовать раньше значит показать задания тем, кто не начал"})
	}
	if s.InProgress > 0 {
		b = append(b, Blocker{Text: "Ещё работают: " + web.Plural(s.InProgress, "человек", "человека", "человек")})
	}
	if s.Submitted == 0 {
		b = append(b, Blocker{Text: "Никто ещё не закончил работу"})
	}
	if s.Waiting > 0 || s.Unfinished > 0 {
		b = append(b, Blocker{Text: "Эксперты ещё проверяют " + web.Plural(max(s.Waiting, s.Unfinished), "ответ", "ответа", "ответов"), Mark: true})
	}
	switch {
	case s.Submitted == 0:
	case s.Model.Version == 0:
		b = append(b, Blocker{Text: "Модель диагностики ещё не рассчитана: оценки предварительные", Fit: true})
	case s.stale():
		b = append(b, Blocker{Text: "После расчёта модели изменились баллы: её надо рассчитать ещё раз", Fit: true})
	}
	return b
}

func (s *Service) standingTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) (st standing, attempts []sitting.Attempt, last []Scored, err error) {
	if st.Campaign, err = campaign.ByIDTx(ctx, tx, campaignID); err != nil {
		return st, nil, nil, err
	}
	if attempts, err = sitting.OfCampaignTx(ctx, tx, campaignID); err != nil {
		return st, nil, nil, err
	}
	for _, a := range attempts {
		switch a.State {
		case sitting.Submitted:
			st.Submitted++
		case sitting.InProgress:
			st.InProgress++
		}
	}
	if last, err = lastOf(ctx, tx, attempts); err != nil {
		return st, nil, nil, err
	}
	for _, r := range last {
		if !r.Complete {
			st.Unfinished++
		}
		if r.At.After(st.LastScore) {
			st.LastScore = r.At
		}
	}
	if st.Waiting, err = marking.WaitingTx(ctx, tx, campaignID); err != nil {
		return st, nil, nil, err
	}
	if s.links.Model != nil {
		st.Model, err = s.links.Model(ctx, tx, campaignID)
	}
	return st, attempts, last, err
}

// Publish opens the results of a campaign to its people. It is refused, with the
// reasons, while anything is still to be scored, marked or fitted.
func (s *Service) Publish(ctx context.Context, actor access.Actor, campaignID int64) error {
	if !actor.May(access.ResultsPublish) {
		return errNoPage
	}
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		st, _, _, err := s.standingTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if b := st.blockers(s.now()); len(b) > 0 {
			return fault.New(fault.Conflict, "Публиковать рано. %s", b[0].Text)
		}
		if err := campaign.PublishTx(ctx, tx, campaignID, actor.ID, s.now()); err != nil {
			return err
		}
		for _, next := range s.published {
			if err := next(ctx, tx, campaignID); err != nil {
				return err
			}
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "results.published", ObjectKind: "campaign", ObjectID: fmt.Sprint(campaignID),
			Details: map[string]any{"persons": st.Submitted, "model": st.Model.Version}})
	})
}
