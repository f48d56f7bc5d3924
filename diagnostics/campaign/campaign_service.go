package campaign

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
)

// Service holds the use cases of this package.
type Service struct {
	pool     *sqlx.DB
	now      func() time.Time
	invited  []func(context.Context, *sqlx.Tx, []Registration) error
	retimed  []func(context.Context, *sqlx.Tx, int64) error
	annulled []func(context.Context, *sqlx.Tx, Registration) error
	closed   []func(context.Context, *sqlx.Tx, int64) error
}

// New returns the service; now is time.Now outside tests.
func New(pool *sqlx.DB, now func() time.Time) *Service {
	return &Service{pool: pool, now: now}
}

// OnInvited adds a stage that runs in the inviting transaction.
func (s *Service) OnInvited(f func(context.Context, *sqlx.Tx, []Registration) error) {
	s.invited = append(s.invited, f)
}

// OnRetimed adds a stage that runs when the time of a campaign's sittings changed:
// the window was moved or somebody was given extra minutes. It gets the campaign's id.
func (s *Service) OnRetimed(f func(context.Context, *sqlx.Tx, int64) error) {
	s.retimed = append(s.retimed, f)
}

// OnAnnulled adds a stage that runs when a registration's sitting is annulled.
func (s *Service) OnAnnulled(f func(context.Context, *sqlx.Tx, Registration) error) {
	s.annulled = append(s.annulled, f)
}

// OnClosed adds a stage that runs when a campaign is closed. It gets the campaign's id.
func (s *Service) OnClosed(f func(context.Context, *sqlx.Tx, int64) error) {
	s.closed = append(s.closed, f)
}

// Create makes a campaign in state draft.
func (s *Service) Create(ctx context.Context, actor access.Actor, n NewCampaign) (id int64, err error) {
	if !actor.May(access.CampaignsManage) {
		return 0, fault.New(fault.NotFound, "Такой страницы нет")
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		instruments, err := instrumentsTx(ctx, tx)
		if err != nil {
			return fmt.Errorf("instruments: %w", err)
		}
		at := slices.IndexFunc(instruments, func(i Instrument) bool { return i.ID == n.InstrumentID })
		if n.InstrumentID != 0 && at < 0 {
			return fault.Field("instrument", "У этого инструмента ещё нет ни одного варианта")
		}
		if at >= 0 {
			if n.SpecificationID == 0 {
				n.SpecificationID = instruments[at].SpecificationID
			}
			if n.Minutes == 0 {
				n.Minutes = instruments[at].Minutes
			}
		}
		n.Title = strings.TrimSpace(n.Title)
		if n.Purpose == "" {
			n.Purpose = Real
		}
		if err := n.check(s.now()); err != nil {
			return err
		}
		if _, err := competency.ScaleTx(ctx, tx, n.ScaleID); fault.KindOf(err) == fault.NotFound && err != nil {
			return fault.Field("scale", "Такой шкалы нет: выберите из списка")
		} else if err != nil {
			return err
		}
		if n.Code == "" {
			if n.Code, err = freeCodeTx(ctx, tx, instruments[at].Code+"-"+n.OpensAt.Format("2006-01")); err != nil {
				return fmt.Errorf("code: %w", err)
			}
		}
		if len(n.Variants) == 0 {
			if n.Variants, err = specificationVariantsTx(ctx, tx, n.SpecificationID); err != nil {
				return fmt.Errorf("variants: %w", err)
			}
		}
		if id, err = insertTx(ctx, tx, n, actor.ID, s.now()); err != nil {
			return err
		}
		return s.recordTx(ctx, tx, actor, "campaign.created", id, map[string]any{"purpose": n.Purpose})
	})
	return id, err
}

func (s *Service) recordTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, action string, id int64, details map[string]any) error {
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: action, ObjectKind: "campaign", ObjectID: fmt.Sprint(id), Details: details})
}

// InvitePeople invites these people, those already invited left out.
func (s *Service) InvitePeople(ctx context.Context, actor access.Actor, id int64, persons []access.PersonID) (int, error) {
	return s.invite(ctx, actor, id, func(context.Context, *sqlx.Tx, Instrument) ([]access.PersonID, error) { return persons, nil })
}

// Invite invites those whom a choice names and returns how many they are: people
// whose position and subject are those of the campaign's instrument, those already
// invited left out.
func (s *Service) Invite(ctx context.Context, actor access.Actor, id int64, who Choice) (int, error) {
	return s.invite(ctx, actor, id, func(ctx context.Context, tx *sqlx.Tx, i Instrument) ([]access.PersonID, error) {
		chosen, _, err := chooseTx(ctx, tx, i, who)
		return chosen, err
	})
}

func (s *Service) invite(ctx context.Context, actor access.Actor, id int64, choose func(context.Context, *sqlx.Tx, Instrument) ([]access.PersonID, error)) (invited int, err error) {
	if !actor.May(access.CampaignsManage) {
		return 0, fault.New(fault.NotFound, "Такой страницы нет")
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		c, err := forUpdateTx(ctx, tx, id)
		if err != nil {
			return err
		}
		if c.State == Closed {
			return fault.New(fault.Conflict, "Диагностика завершена: приглашать поздно")
		}
		i, err := instrumentTx(ctx, tx, c.InstrumentID)
		if err != nil {
			return err
		}
		chosen, err := choose(ctx, tx, i)
		if err != nil {
			return fmt.Errorf("choose people: %w", err)
		}
		rs, err := s.registerTx(ctx, tx, actor, c, i, chosen)
		if err != nil {
			return err
		}
		invited = len(rs)
		if invited == 0 {
			return nil
		}
		for _, next := range s.invited {
			if err := next(ctx, tx, rs); err != nil {
				return err
			}
		}
		return s.recordTx(ctx, tx, actor, "campaign.invited", id, map[string]any{"people": invited})
	})
	return invited, err
}

// registerTx freezes the passports and gives codes, in an order that tells
// nothing about the people.
func (s *Service) registerTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, c Campaign, i Instrument, chosen []access.PersonID) ([]Registration, error) {
	known, err := registeredTx(ctx, tx, c.ID)
	if err != nil {
		return nil, fmt.Errorf("already invited: %w", err)
	}
	fresh := []access.PersonID{}
	for _, p := range chosen {
		if !known[p] {
			known[p] = true
			fresh = append(fresh, p)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	passports, err := people.PassportsTx(ctx, tx, fresh, i.Position, i.Subject, s.now())
	if err != nil {
		return nil, fmt.Errorf("passports: %w", err)
	}
	codes := prefix(c.OpensAt.Year(), i.SubjectName)
	number, err := lastNumberTx(ctx, tx, codes)
	if err != nil {
		return nil, fmt.Errorf("participant codes: %w", err)
	}
	rand.Shuffle(len(fresh), func(a, b int) { fresh[a], fresh[b] = fresh[b], fresh[a] })
	rs := make([]Registration, 0, len(fresh))
	for _, p := range fresh {
		pass, found := passports[p]
		if !found { // works nowhere now: nobody to invite
			continue
		}
		number++
		rs = append(rs, Registration{CampaignID: c.ID, PersonID: p, Code: participantCode(codes, number), State: Invited,
			TerritoryID: pass.TerritoryID, OrganisationID: pass.OrganisationID, Position: pass.Position, Subject: pass.Subject,
			Category: pass.Category, Experience: pass.Experience, Rural: pass.Rural})
	}
	if len(rs) == 0 {
		return nil, nil
	}
	if err := insertRegistrationsTx(ctx, tx, rs, actor.ID, s.now()); err != nil {
		return nil, err
	}
	return rs, nil
}

// Open lets the invited in once the window begins.
func (s *Service) Open(ctx context.Context, actor access.Actor, id int64) error {
	return s.manage(ctx, actor, id, "campaign.opened", nil, func(tx *sqlx.Tx, c Campaign) error {
		switch {
		case c.State == Closed:
			return fault.New(fault.Conflict, "Диагностика уже завершена")
		case c.State == Open:
			return nil
		case !s.now().Before(c.ClosesAt):
			return fault.New(fault.Conflict, "Окно диагностики уже прошло: сначала перенесите дату закрытия")
		}
		invited, err := registeredTx(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("already invited: %w", err)
		}
		if len(invited) == 0 {
			return fault.New(fault.Conflict, "Открывать пока не для кого: сначала пригласите хотя бы одного человека")
		}
		_, err = tx.ExecContext(ctx, `UPDATE campaign SET state = 'open' WHERE id = $1`, id)
		return err
	})
}

// Close ends a campaign: sittings in progress are closed with what they hold.
func (s *Service) Close(ctx context.Context, actor access.Actor, id int64) error {
	return s.manage(ctx, actor, id, "campaign.closed", nil, func(tx *sqlx.Tx, c Campaign) error {
		if c.State == Closed {
			return nil
		}
		if c.State == Draft {
			return fault.New(fault.Conflict, "Диагностика ещё не открывалась")
		}
		if _, err := tx.ExecContext(ctx, `UPDATE campaign SET state = 'closed' WHERE id = $1`, id); err != nil {
			return err
		}
		for _, next := range s.closed {
			if err := next(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Prolong moves the end of the window; sittings in progress follow.
func (s *Service) Prolong(ctx context.Context, actor access.Actor, id int64, closesAt time.Time) error {
	return s.manage(ctx, actor, id, "campaign.prolonged", map[string]any{"closes_at": closesAt.UTC().Format(time.RFC3339)}, func(tx *sqlx.Tx, c Campaign) error {
		switch {
		case c.State == Closed:
			return fault.New(fault.Conflict, "Диагностика уже завершена")
		case !closesAt.After(c.OpensAt) || !closesAt.After(s.now()):
			return fault.Field("closes_at", "Новая дата закрытия должна быть в будущем")
		case closesAt.Sub(c.OpensAt) > maxWindow:
			return fault.Field("closes_at", "Окно длиннее года: проверьте дату")
		}
		if _, err := tx.ExecContext(ctx, `UPDATE campaign SET closes_at = $2 WHERE id = $1`, id, closesAt); err != nil {
			return err
		}
		return s.retimeTx(ctx, tx, id)
	})
}

// GiveMinutes sets how many minutes one person has beyond the others', for
// health or a failure that was not theirs; a sitting in progress gets them at once.
func (s *Service) GiveMinutes(ctx context.Context, actor access.Actor, registration int64, minutes int, why string) error {
	why = strings.TrimSpace(why)
	if minutes < 0 || minutes > maxMinutes {
		return fault.Field("minutes", "Дополнительное время: от 0 до 600 минут")
	}
	if why == "" {
		return fault.Field("why", "Напишите, почему: это увидит проверяющий журнал")
	}
	return s.register(ctx, actor, registration, func(tx *sqlx.Tx, r Registration) error {
		if _, err := tx.ExecContext(ctx, `UPDATE registration SET extra_minutes = $2 WHERE id = $1`, r.ID, minutes); err != nil {
			return err
		}
		if err := audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "registration.minutes", ObjectKind: "registration", ObjectID: fmt.Sprint(r.ID),
			Person: r.PersonID, Purpose: why, Details: map[string]any{"minutes": minutes}}); err != nil {
			return err
		}
		return s.retimeTx(ctx, tx, r.CampaignID)
	})
}

// Annul takes a sitting out of the results for good; its answers stay as evidence.
func (s *Service) Annul(ctx context.Context, actor access.Actor, registration int64, why string) error {
	why = strings.TrimSpace(why)
	if why == "" {
		return fault.Field("why", "Напишите, почему: участник вправе это узнать")
	}
	return s.register(ctx, actor, registration, func(tx *sqlx.Tx, r Registration) error {
		return s.annulTx(ctx, tx, actor, r, why)
	})
}

// annulTx runs the stages; a sitting that was never begun is a Conflict.
func (s *Service) annulTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, r Registration, why string) error {
	for _, next := range s.annulled {
		if err := next(ctx, tx, r); err != nil {
			return err
		}
	}
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "attempt.annulled", ObjectKind: "registration", ObjectID: fmt.Sprint(r.ID),
		Person: r.PersonID, Purpose: why})
}

// EraseTx takes an erased person out of every campaign whose results are not published:
// what was begun is annulled, what was not is withdrawn. Published figures keep the points
// without the name. Register it with people.OnErase.
func (s *Service) EraseTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, person access.PersonID) ([]people.Erased, error) {
	list, err := unpublishedOfTx(ctx, tx, person)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if err := DeclineTx(ctx, tx, r.ID, Withdrawn); err != nil {
			return nil, err
		}
		if err := s.annulTx(ctx, tx, actor, r, "данные удалены"); err != nil && fault.KindOf(err) != fault.Conflict {
			return nil, err
		}
	}
	return []people.Erased{{What: "Участие в диагностиках без опубликованных итогов", Count: len(list)}}, nil
}

// DeclineTx keeps that a person refused before the start, withdrew after it, or
// (Invited) came back.
func DeclineTx(ctx context.Context, tx *sqlx.Tx, registration int64, state string) error {
	_, err := tx.ExecContext(ctx, `UPDATE registration SET state = $2 WHERE id = $1`, registration, state)
	if err != nil {
		return fmt.Errorf("registration %d: %w", registration, err)
	}
	return nil
}

func (s *Service) retimeTx(ctx context.Context, tx *sqlx.Tx, id int64) error {
	for _, next := range s.retimed {
		if err := next(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) manage(ctx context.Context, actor access.Actor, id int64, action string, details map[string]any, f func(*sqlx.Tx, Campaign) error) error {
	if !actor.May(access.CampaignsManage) {
		return fault.New(fault.NotFound, "Такой страницы нет")
	}
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		c, err := forUpdateTx(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, c); err != nil {
			return err
		}
		return s.recordTx(ctx, tx, actor, action, id, details)
	})
}

func (s *Service) register(ctx context.Context, actor access.Actor, registration int64, f func(*sqlx.Tx, Registration) error) error {
	if !actor.May(access.CampaignsManage) {
		return fault.New(fault.NotFound, "Такой страницы нет")
	}
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := db.Get[Registration](ctx, tx, `SELECT `+registrationColumns+` FROM registration WHERE id = $1 FOR UPDATE`, registration)
		if err != nil {
			return fmt.Errorf("registration %d: %w", registration, err)
		}
		return f(tx, r)
	})
}
