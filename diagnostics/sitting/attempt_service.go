package sitting

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
)

// Service holds the use cases of this package.
type Service struct {
	pool     *sqlx.DB
	now      func() time.Time
	closed   []func(context.Context, *sqlx.Tx, int64) error
	regained []func(ctx context.Context, tx *sqlx.Tx, person access.PersonID, purpose, what string) error
	saver    saver
	seats    seats
	views    views
	secret   struct {
		sync.Mutex
		key []byte
	}
}

// New returns the service; now is time.Now outside tests.
func New(pool *sqlx.DB, now func() time.Time) *Service {
	s := &Service{pool: pool, now: now}
	s.saver = saver{pool: pool, now: now, key: s.receiptKey}
	return s
}

// OnClosed adds a stage that runs in the closing transaction, whoever closes the
// attempt: the participant, the deadline, a manager. It gets the attempt's id.
func (s *Service) OnClosed(f func(ctx context.Context, tx *sqlx.Tx, attempt int64) error) {
	s.closed = append(s.closed, f)
}

// OnConsent registers what another context does when somebody who had withdrawn gives the
// consent again here; it joins the transaction (see people.OnConsent).
func (s *Service) OnConsent(f func(ctx context.Context, tx *sqlx.Tx, person access.PersonID, purpose, what string) error) {
	s.regained = append(s.regained, f)
}

// receiptKey reads the installation's key, making it the first time anybody asks.
func (s *Service) receiptKey(ctx context.Context) ([]byte, error) {
	s.secret.Lock()
	defer s.secret.Unlock()
	if s.secret.key != nil {
		return s.secret.key, nil
	}
	fresh := make([]byte, 32)
	rand.Read(fresh)
	err := db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO receipt_key (key) VALUES ($1) ON CONFLICT DO NOTHING`, fresh); err != nil {
			return err
		}
		return tx.GetContext(ctx, &s.secret.key, `SELECT key FROM receipt_key`)
	})
	if err != nil {
		return nil, fmt.Errorf("receipt key: %w", err)
	}
	return s.secret.key, nil
}

// AssignTx gives each invited person an attempt. Register it with campaign.OnInvited.
func (s *Service) AssignTx(ctx context.Context, tx *sqlx.Tx, rs []campaign.Registration) error {
	n := len(rs)
	registrations, campaigns, persons := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, r := range rs {
		registrations[i], campaigns[i], persons[i] = r.ID, r.CampaignID, int64(r.PersonID)
	}
	return assignTx(ctx, tx, registrations, campaigns, persons)
}

// An Assignment is an attempt with the terms of its campaign.
type Assignment struct {
	Attempt
	Terms campaign.Terms
}

// Waits tells whether it can be started or resumed at now.
func (a Assignment) Waits(now time.Time) bool {
	return a.State == Assigned && a.Terms.AdmitsAt(now) == nil || a.State == InProgress && !a.overdue(now)
}

// List returns the actor's own attempts, those that can be started or resumed
// first, closed ones last. Campaigns still in preparation are not shown.
func (s *Service) List(ctx context.Context, actor access.Actor) (list []Assignment, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		list, err = s.listTx(ctx, tx, actor.Own())
		return err
	})
	return list, err
}

func (s *Service) listTx(ctx context.Context, tx *sqlx.Tx, records []access.PersonID) ([]Assignment, error) {
	attempts, err := OfPersonTx(ctx, tx, records...)
	if err != nil {
		return nil, fmt.Errorf("attempts of person %d: %w", records[0], err)
	}
	registrations := make([]int64, len(attempts))
	for i, a := range attempts {
		registrations[i] = a.RegistrationID
	}
	terms, err := campaign.TermsTx(ctx, tx, registrations)
	if err != nil {
		return nil, err
	}
	list := []Assignment{}
	for _, a := range attempts {
		if t := terms[a.RegistrationID]; t.State != campaign.Draft {
			list = append(list, Assignment{a, t})
		}
	}
	now := s.now()
	rank := func(a Assignment) int {
		switch {
		case a.Waits(now) && a.State == InProgress:
			return 0
		case a.Waits(now):
			return 1
		case a.State == Assigned && now.Before(a.Terms.OpensAt):
			return 2
		}
		return 3
	}
	slices.SortStableFunc(list, func(a, b Assignment) int { return rank(a) - rank(b) })
	return list, nil
}

// ConsentRequired is why a start is refused before the person has agreed; it
// carries the text in force.
type ConsentRequired struct{ Text people.ConsentText }

func (e *ConsentRequired) Error() string { return "consent to diagnostics is required" }

// purpose of the consent that a start asks for.
const purpose = "diagnostics"

// Consent keeps the actor's agreement to the given version of the text.
func (s *Service) Consent(ctx context.Context, actor access.Actor, id string, version int) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, "")
		if err != nil {
			return err
		}
		if a.State == Assigned { // whoever agrees after a refusal is invited again
			if err := campaign.DeclineTx(ctx, tx, a.RegistrationID, campaign.Invited); err != nil {
				return err
			}
		}
		withdrawn, err := people.WithdrawnTx(ctx, tx, []access.PersonID{actor.ID})
		if err != nil {
			return err
		}
		if err := people.DecideConsentTx(ctx, tx, actor.ID, purpose, version, people.Given, s.now()); err != nil || !withdrawn[actor.ID] {
			return err
		}
		for _, record := range actor.Own() {
			for _, next := range s.regained {
				if err := next(ctx, tx, record, purpose, people.Given); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Refuse keeps that the actor does not want to take part; it has no consequence
// and can be taken back by agreeing.
func (s *Service) Refuse(ctx context.Context, actor access.Actor, id string) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, forUpdate)
		if err != nil {
			return err
		}
		if a.State != Assigned {
			return fault.New(fault.Conflict, "Вы уже начали. Отозвать согласие можно на странице «Обо мне»")
		}
		if err := campaign.DeclineTx(ctx, tx, a.RegistrationID, campaign.Refused); err != nil {
			return err
		}
		return people.DecideConsentTx(ctx, tx, actor.ID, purpose, 0, people.Refused, s.now())
	})
}

// Started is what a participant needs to work: on a start and on each resumption.
type Started struct {
	Attempt    string
	Lease      string
	ServerTime time.Time
	Deadline   time.Time
	Tasks      []Shown
	Answers    map[string]Held
}

// errClosed refuses to go on with what is over.
var errClosed = fault.New(fault.Gone, "Эта работа уже завершена")

// Start begins the actor's attempt, or resumes it on a new lease; the older lease is dead.
func (s *Service) Start(ctx context.Context, actor access.Actor, id string) (out Started, err error) {
	var refusal error // decided after something had to be written: the attempt is over
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, forUpdate)
		if err != nil {
			return err
		}
		now := s.now().Truncate(time.Microsecond)
		switch {
		case a.State == Submitted || a.State == Annulled:
			return errClosed
		case a.overdue(now):
			refusal = errClosed
			return s.closeTx(ctx, tx, a, byDeadline)
		}
		given, text, err := people.ConsentTx(ctx, tx, a.PersonID, purpose)
		if err != nil {
			return err
		}
		if !given { // not asked yet, refused, or withdrawn after the start
			return &fault.Error{Kind: fault.Forbidden, Message: "Сначала прочитайте согласие и решите, участвуете ли вы", Cause: &ConsentRequired{text}}
		}
		lease := newUUID()
		if a.State == Assigned {
			if err := s.beginTx(ctx, tx, &a, lease, now); err != nil {
				return err
			}
		} else if err := leaseTx(ctx, tx, a.ID, lease); err != nil {
			return err
		}
		manifest, err := ManifestTx(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		out = Started{Attempt: a.PublicID, Lease: lease, ServerTime: now, Deadline: *a.Deadline}
		if out.Tasks, err = s.shownTx(ctx, tx, manifest); err != nil {
			return err
		}
		out.Answers, err = heldTx(ctx, tx, a.ID)
		return err
	})
	if err == nil {
		err = refusal
	}
	return out, err
}

// beginTx freezes the manifest and starts the clock.
func (s *Service) beginTx(ctx context.Context, tx *sqlx.Tx, a *Attempt, lease string, now time.Time) error {
	terms, err := campaign.TermsTx(ctx, tx, []int64{a.RegistrationID})
	if err != nil {
		return err
	}
	t := terms[a.RegistrationID]
	if err := t.AdmitsAt(now); err != nil {
		return err
	}
	variants, err := campaign.VariantsTx(ctx, tx, a.CampaignID)
	if err != nil {
		return fmt.Errorf("variants of campaign %d: %w", a.CampaignID, err)
	}
	if len(variants) == 0 {
		return fmt.Errorf("campaign %d has no variant", a.CampaignID)
	}
	variant := variants[a.RegistrationID%int64(len(variants))]
	manifest, err := s.manifestTx(ctx, tx, variant)
	if err != nil {
		return err
	}
	if err := freezeTx(ctx, tx, a.ID, manifest, now); err != nil {
		return err
	}
	deadline := t.Deadline(now).Truncate(time.Microsecond)
	a.State, a.VariantID, a.Lease, a.StartedAt, a.Deadline = InProgress, &variant, &lease, &now, &deadline
	return startTx(ctx, tx, *a)
}

// manifestTx lists the tasks of a variant as an attempt freezes them.
func (s *Service) manifestTx(ctx context.Context, tx *sqlx.Tx, variant int64) ([]ManifestTask, error) {
	tasks, err := assembly.VariantTx(ctx, tx, variant)
	if err != nil {
		return nil, fmt.Errorf("variant %d: %w", variant, err)
	}
	ids := make([]int64, len(tasks))
	for i, t := range tasks {
		ids[i] = t.TaskVersionID
	}
	versions, err := s.views.tx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	manifest := make([]ManifestTask, len(tasks))
	for i, t := range tasks {
		v := versions[t.TaskVersionID]
		manifest[i] = ManifestTask{ID: fmt.Sprintf("t%02d", i+1), Position: i + 1, TaskVersionID: t.TaskVersionID, Part: v.part, Kind: string(v.Kind)}
	}
	return manifest, nil
}

// Progress is an attempt as its participant may see it at any time.
type Progress struct {
	Attempt    Attempt
	Terms      campaign.Terms
	ServerTime time.Time
	Tasks      []Shown
	Answers    map[string]Held
	Flags      map[string]bool
	Files      map[string][]File
}

// Look reads the actor's attempt; one whose time has run out is closed first.
func (s *Service) Look(ctx context.Context, actor access.Actor, id string) (p Progress, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, "")
		if err != nil {
			return err
		}
		if a.overdue(s.now()) {
			if a, err = ownTx(ctx, tx, actor, id, forUpdate); err != nil {
				return err
			}
			if a.overdue(s.now()) {
				if err := s.closeTx(ctx, tx, a, byDeadline); err != nil {
					return err
				}
			}
			if a, err = byIDTx(ctx, tx, a.ID, ""); err != nil {
				return err
			}
		}
		terms, err := campaign.TermsTx(ctx, tx, []int64{a.RegistrationID})
		if err != nil {
			return err
		}
		if terms[a.RegistrationID].State == campaign.Draft {
			return errNoAttempt
		}
		p = Progress{Attempt: a, Terms: terms[a.RegistrationID], ServerTime: s.now()}
		manifest, err := ManifestTx(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if p.Tasks, err = s.shownTx(ctx, tx, manifest); err != nil {
			return err
		}
		if p.Answers, err = heldTx(ctx, tx, a.ID); err != nil {
			return err
		}
		if p.Flags, err = flagsTx(ctx, tx, a.ID); err != nil {
			return err
		}
		p.Files, err = filesTx(ctx, tx, a.ID)
		return err
	})
	return p, err
}

// Flag marks a task to come back to, or takes the mark off.
func (s *Service) Flag(ctx context.Context, actor access.Actor, id, taskID string, on bool) error {
	place, err := s.seat(ctx, actor, id)
	if err != nil {
		return err
	}
	if _, known := place.index[taskID]; !known {
		return errNoTask
	}
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		return flagTx(ctx, tx, place.attempt, taskID, on)
	})
}

var errNoTask = fault.New(fault.NotFound, "Такого задания в этой работе нет")

// newUUID is a random (version 4) UUID.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// sizeTx is how many tasks a campaign's work has: that of its first variant.
func (s *Service) sizeTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) (int, error) {
	variants, err := campaign.VariantsTx(ctx, tx, campaignID)
	if err != nil || len(variants) == 0 {
		return 0, err
	}
	tasks, err := assembly.VariantTx(ctx, tx, variants[0])
	return len(tasks), err
}
