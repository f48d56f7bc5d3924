package sitting

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
	"github.com/lotsiya/lotsiya/people"
)

// Service holds the use cases of this package.
type Service struct {
	pool   *sqlx.DB
	now    func() time.Time
	closed []func(context.Context, *sqlx.Tx, int64) error
	saver  saver
	seats  seats
	views  views
	secret struct {
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
		list, err = s.ListTx(ctx, tx, actor.ID)
		return err
	})
	return list, err
}

// ListTx is List within the caller's transaction.
func (s *Service) ListTx(ctx context.Context, tx *sqlx.Tx, person access.PersonID) ([]Assignment, error) {
	attempts, err := db.Select[Attempt](ctx, tx, `SELECT `+attemptColumns+` FROM attempt WHERE person_id = $1 ORDER BY id DESC`, person)
	if err != nil {
		return nil, fmt.Errorf("attempts of person %d: %w", person, err)
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
		return people.DecideConsentTx(ctx, tx, actor.ID, purpose, version, people.Given, s.now())
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

// A Shown is one task as its participant sees it. There is no key in it and
// nothing it could be derived from.
type Shown struct {
	ID       string `json:"id"`
	Position int    `json:"position"`
	task.View
	Part   string  `json:"part"`
	Points float64 `json:"-"`
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

// shownTx gives the tasks of a manifest as they are shown.
func (s *Service) shownTx(ctx context.Context, tx *sqlx.Tx, manifest []ManifestTask) ([]Shown, error) {
	ids := make([]int64, len(manifest))
	for i, m := range manifest {
		ids[i] = m.TaskVersionID
	}
	versions, err := s.views.tx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	shown := make([]Shown, len(manifest))
	for i, m := range manifest {
		v := versions[m.TaskVersionID]
		shown[i] = Shown{ID: m.ID, Position: m.Position, View: v.View, Part: m.Part, Points: v.points}
	}
	return shown, nil
}

// view is a task version as shown, without anything secret.
type view struct {
	task.View
	part   string
	points float64
}

// shape is the part of a task that CheckAnswer needs.
func (v view) shape() task.Task {
	options := func(from []task.OptionView) []task.Option {
		to := make([]task.Option, len(from))
		for i, o := range from {
			to[i].ID = o.ID
		}
		return to
	}
	t := task.Task{Kind: v.Kind, MaxLength: v.MaxLength, Options: options(v.Options), Left: options(v.Left), Right: options(v.Right)}
	for _, g := range v.Gaps {
		t.Gaps = append(t.Gaps, task.Gap{ID: g.ID, Options: options(g.Options)})
	}
	return t
}

// views keeps versions that were read once: a version never changes, so every
// instance may. It holds at most a few banks' worth.
type views struct {
	mu   sync.RWMutex
	byID map[int64]view
}

const mostViews = 5000

func (c *views) tx(ctx context.Context, tx *sqlx.Tx, ids []int64) (map[int64]view, error) {
	found, missing := make(map[int64]view, len(ids)), []int64{}
	c.mu.RLock()
	for _, id := range ids {
		if v, ok := c.byID[id]; ok {
			found[id] = v
		} else {
			missing = append(missing, id)
		}
	}
	c.mu.RUnlock()
	if len(missing) == 0 {
		return found, nil
	}
	versions, err := bank.VersionsTx(ctx, tx, missing)
	if err != nil {
		return nil, fmt.Errorf("task versions: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || len(c.byID) > mostViews {
		c.byID = map[int64]view{}
	}
	for _, id := range missing {
		version, ok := versions[id]
		if !ok {
			return nil, fmt.Errorf("task version %d is missing", id)
		}
		v := view{part: string(version.Part), points: float64(version.MaxPoints)}
		if err := json.Unmarshal(version.Shown, &v.View); err != nil {
			return nil, fmt.Errorf("task version %d: shown: %w", id, err)
		}
		v.Kind = task.Kind(version.Kind)
		c.byID[id], found[id] = v, v
	}
	return found, nil
}

// seat is what saving needs to know of a started attempt and what never changes.
type seat struct {
	attempt int64
	person  access.PersonID
	tasks   map[string]task.Task
	index   map[string]ManifestTask
}

// seats keeps them by public id; a seat is small and never goes stale.
type seats struct {
	mu   sync.RWMutex
	byID map[string]seat
}

const mostSeats = 20000

// seat finds the actor's attempt; before its start it has no tasks.
func (s *Service) seat(ctx context.Context, actor access.Actor, id string) (found seat, err error) {
	s.seats.mu.RLock()
	found, ok := s.seats.byID[id]
	s.seats.mu.RUnlock()
	if ok {
		if found.person != actor.ID {
			return seat{}, errNoAttempt
		}
		return found, nil
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, "")
		if err != nil {
			return err
		}
		manifest, err := ManifestTx(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		shown, err := s.shownTx(ctx, tx, manifest)
		if err != nil {
			return err
		}
		found = seat{attempt: a.ID, person: a.PersonID, tasks: make(map[string]task.Task, len(shown)), index: make(map[string]ManifestTask, len(shown))}
		for i, t := range shown {
			found.tasks[t.ID] = view{View: t.View}.shape()
			found.index[t.ID] = manifest[i]
		}
		return nil
	})
	if err != nil || len(found.tasks) == 0 {
		return found, err
	}
	s.seats.mu.Lock()
	defer s.seats.mu.Unlock()
	if s.seats.byID == nil || len(s.seats.byID) > mostSeats {
		s.seats.byID = map[string]seat{}
	}
	s.seats.byID[id] = found
	return found, nil
}

// Save decides each entry by the contract and returns when the taken ones are
// durable. The error is NotFound for another's attempt; else it is our own failure.
func (s *Service) Save(ctx context.Context, actor access.Actor, id, lease string, entries []Entry) ([]Outcome, error) {
	at := s.now()
	place, err := s.seat(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(entries))
	r := &request{attempt: place.attempt, person: place.person, lease: lease, at: at}
	where := []int{}
	for i, e := range entries {
		outcomes[i] = Outcome{Task: e.Task}
		shape, known := place.tasks[e.Task]
		switch {
		case len(place.tasks) == 0:
			outcomes[i].Verdict = DeadLease // not started: no lease lives
			continue
		case !known:
			outcomes[i].Verdict = Unknown
			continue
		case e.Revision < 1 || e.Revision > maxRevision:
			outcomes[i].Verdict, outcomes[i].Why = Misshapen, "номер правки должен быть целым числом от 1"
			continue
		case len(e.Answer) == 0:
			outcomes[i].Verdict, outcomes[i].Why = Misshapen, "нет ответа: поле answer пропущено"
			continue
		}
		digest, err := digestOf(e.Answer)
		if err == nil {
			err = task.CheckAnswer(shape, e.Answer)
		}
		if err != nil {
			outcomes[i].Verdict, outcomes[i].Why = Misshapen, err.Error()
			continue
		}
		r.entries, r.digests, where = append(r.entries, e), append(r.digests, digest), append(where, i)
	}
	if len(r.entries) == 0 {
		return outcomes, nil
	}
	if err := s.saver.save(ctx, r); err != nil {
		return nil, err
	}
	for i, o := range r.outcomes {
		outcomes[where[i]] = o
	}
	return outcomes, nil
}

// Receipt is what a participant keeps of a closed attempt.
type Receipt struct {
	State       State
	SubmittedAt time.Time
	ClosedBy    string
	Answers     int
	Digest      string
}

// ErrLease refuses to submit on a lease that is no longer the live one.
var ErrLease = errors.New("the lease is dead")

// Submit closes the actor's attempt; repeating it gives the same receipt.
func (s *Service) Submit(ctx context.Context, actor access.Actor, id, lease string) (out Receipt, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, forUpdate)
		if err != nil {
			return err
		}
		switch {
		case a.State == Annulled:
			return errClosed
		case a.State == Assigned:
			return &fault.Error{Kind: fault.Conflict, Message: "Вы ещё не начинали", Cause: ErrLease}
		case a.State == InProgress && !a.overdue(s.now()) && !a.holds(lease):
			return &fault.Error{Kind: fault.Conflict, Message: "Вы продолжили в другом месте. Завершить можно там или здесь, когда продолжите здесь", Cause: ErrLease}
		case a.overdue(s.now()):
			err = s.closeTx(ctx, tx, a, byDeadline)
		case a.State == InProgress:
			err = s.closeTx(ctx, tx, a, byParticipant)
		}
		if err != nil {
			return err
		}
		if a, err = byIDTx(ctx, tx, a.ID, ""); err != nil {
			return err
		}
		out = Receipt{State: a.State, SubmittedAt: *a.SubmittedAt, ClosedBy: *a.ClosedBy, Answers: *a.Answers, Digest: *a.Digest}
		return nil
	})
	return out, err
}

// closeTx is the one way an attempt closes, whoever closes it; a is locked and in progress.
func (s *Service) closeTx(ctx context.Context, tx *sqlx.Tx, a Attempt, by string) error {
	held, err := heldTx(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	at := s.now().Truncate(time.Microsecond)
	if by == byDeadline && a.Deadline.Before(at) {
		at = *a.Deadline
	}
	n, digest := given(held), digestAll(held)
	a.SubmittedAt, a.ClosedBy, a.Answers, a.Digest = &at, &by, &n, &digest
	if err := submitTx(ctx, tx, a); err != nil {
		return err
	}
	for _, next := range s.closed {
		if err := next(ctx, tx, a.ID); err != nil {
			return fmt.Errorf("attempt %d closed: %w", a.ID, err)
		}
	}
	return nil
}

// CloseOverdue closes every attempt whose deadline has passed, each in its own
// transaction, so that one that cannot be closed does not keep the others. Run
// it every few seconds; several instances may.
func (s *Service) CloseOverdue(ctx context.Context) error {
	var failed error
	tried := []int64{}
	for {
		var id int64
		err := db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
			due, err := db.Select[Attempt](ctx, tx, `
				SELECT `+attemptColumns+` FROM attempt
				 WHERE state = 'in_progress' AND deadline <= $1 AND NOT (id = ANY($2))
				 ORDER BY deadline LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`, s.now(), db.Array(tried))
			if err != nil || len(due) == 0 {
				return err
			}
			id = due[0].ID
			return s.closeTx(ctx, tx, due[0], byDeadline)
		})
		failed = errors.Join(failed, err)
		if id == 0 || ctx.Err() != nil {
			return failed
		}
		tried = append(tried, id)
	}
}

// RetimeTx moves the deadlines of a campaign's attempts in progress. Register it
// with campaign.OnRetimed.
func (s *Service) RetimeTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) error {
	open, err := s.openTx(ctx, tx, campaignID)
	if err != nil {
		return err
	}
	registrations := make([]int64, len(open))
	for i, a := range open {
		registrations[i] = a.RegistrationID
	}
	terms, err := campaign.TermsTx(ctx, tx, registrations)
	if err != nil {
		return err
	}
	ids, deadlines := []int64{}, []string{}
	for _, a := range open {
		if a.overdue(s.now()) { // what is over stays over
			continue
		}
		ids = append(ids, a.ID)
		deadlines = append(deadlines, terms[a.RegistrationID].Deadline(*a.StartedAt).UTC().Format(time.RFC3339Nano))
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE attempt SET deadline = GREATEST(CAST(u.deadline AS timestamptz), started_at + interval '1 second')
		  FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[])) AS u(id, deadline)
		 WHERE attempt.id = u.id`, db.Array(ids), db.Array(deadlines))
	if err != nil {
		return fmt.Errorf("move deadlines of campaign %d: %w", campaignID, err)
	}
	return nil
}

func (s *Service) openTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) ([]Attempt, error) {
	open, err := db.Select[Attempt](ctx, tx, `
		SELECT `+attemptColumns+` FROM attempt WHERE campaign_id = $1 AND state = 'in_progress' ORDER BY id`+forUpdate, campaignID)
	if err != nil {
		return nil, fmt.Errorf("attempts of campaign %d: %w", campaignID, err)
	}
	return open, nil
}

// CloseCampaignTx closes a campaign's attempts in progress with what they hold.
// Register it with campaign.OnClosed.
func (s *Service) CloseCampaignTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) error {
	open, err := s.openTx(ctx, tx, campaignID)
	if err != nil {
		return err
	}
	for _, a := range open {
		by := byManager
		if a.overdue(s.now()) {
			by = byDeadline
		}
		if err := s.closeTx(ctx, tx, a, by); err != nil {
			return err
		}
	}
	return nil
}

// AnnulTx annuls the attempt of a registration. Register it with campaign.OnAnnulled.
func (s *Service) AnnulTx(ctx context.Context, tx *sqlx.Tx, r campaign.Registration) error {
	done, err := tx.ExecContext(ctx, `
		UPDATE attempt SET state = 'annulled', lease = NULL, closed_by = COALESCE(closed_by, 'manager')
		 WHERE registration_id = $1 AND state IN ('in_progress', 'submitted')`, r.ID)
	if err != nil {
		return fmt.Errorf("annul the attempt of registration %d: %w", r.ID, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.Conflict, "Аннулировать можно только начатую работу"))
	}
	return nil
}

// ClosedTx reads a closed attempt for those who score it; one still open is a Conflict.
func (s *Service) ClosedTx(ctx context.Context, tx *sqlx.Tx, attempt int64) (Closed, error) {
	a, err := byIDTx(ctx, tx, attempt, "")
	if err != nil {
		return Closed{}, err
	}
	if a.State != Submitted {
		return Closed{}, fault.New(fault.Conflict, "Работа ещё не завершена")
	}
	c := Closed{Attempt: a}
	if c.Manifest, err = ManifestTx(ctx, tx, attempt); err != nil {
		return Closed{}, err
	}
	if c.Answers, err = heldTx(ctx, tx, attempt); err != nil {
		return Closed{}, err
	}
	c.Files, err = filesTx(ctx, tx, attempt)
	return c, err
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

// Attached is a file taken to an extended answer; Late: after closing, kept as evidence only.
type Attached struct {
	File
	ID string // what the API calls "file"
}

// The kinds of files that can be shown to an expert, and how many an answer may have.
var mediaTypes = map[string]bool{"image/jpeg": true, "image/png": true, "application/pdf": true}

const mostFiles = 5

// Attach keeps a file with an extended answer; it is durable when Attach returns.
// mediaType is what the bytes are, not what the sender says.
func (s *Service) Attach(ctx context.Context, actor access.Actor, id, taskID, name, mediaType string, body []byte) (out Attached, err error) {
	at := s.now()
	place, err := s.seat(ctx, actor, id)
	if err != nil {
		return out, err
	}
	switch m, known := place.index[taskID]; {
	case !known:
		return out, errNoTask
	case task.Kind(m.Kind) != task.Extended:
		return out, fault.Field("file", "К этому заданию файл не прикладывают")
	case !mediaTypes[mediaType]:
		return out, fault.Field("file", "Подойдёт снимок (JPEG, PNG) или PDF")
	case len(body) == 0:
		return out, fault.Field("file", "Файл пуст")
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, forUpdate)
		if err != nil {
			return err
		}
		kept, err := filesTx(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if len(kept[taskID]) >= mostFiles {
			return fault.Field("file", "Уже приложено %d файлов: больше не нужно", mostFiles)
		}
		sha, err := files.PutTx(ctx, tx, mediaType, body)
		if err != nil {
			return err
		}
		f := File{Task: taskID, SHA256: sha, Name: name, MediaType: mediaType, UploadedAt: at,
			Late: a.State != InProgress || !at.Before(*a.Deadline)}
		out = Attached{File: f, ID: sha}
		if err := fileTx(ctx, tx, a, f); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "answer.file", ObjectKind: "attempt", ObjectID: a.PublicID, Person: a.PersonID,
			Details: map[string]any{"task": taskID, "sha256": sha}})
	})
	return out, err
}

// OwnFile reads back a file the actor attached.
func (s *Service) OwnFile(ctx context.Context, actor access.Actor, id, sha string) (f files.File, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, "")
		if err != nil {
			return err
		}
		if _, err := db.Get[int](ctx, tx, `SELECT 1 FROM answer_file WHERE attempt_id = $1 AND file_sha256 = $2 LIMIT 1`, a.ID, sha); err != nil {
			return err
		}
		f, err = files.GetTx(ctx, tx, sha)
		return err
	})
	return f, err
}

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
