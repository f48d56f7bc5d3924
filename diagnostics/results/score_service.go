package results

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/marking"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/web"
)

// An Estimate is what the stored model says of an element of one person, or of a
// whole part (Element is then empty). All shares lie in 0…1, higher is better.
type Estimate struct {
	Element       string
	Part          string // of whole-part estimates only
	Points, Max   float64
	Tasks         int
	Share         *float64 // nil without a task that counts
	Estimate      float64
	Low, High     float64 // 90 % interval
	P             float64 // probability that the true share lies under the cut
	Shortfall     float64
	Severity      string
	Status        string // deficit, possible, none, insufficient
	ShareSeverity string // by the bare share rule; insufficient without evidence
	Preliminary   bool
	Why           *Why // what stands behind it, of elements only; nil where it is not known
}

// Said is the estimate as it is worded.
func (e Estimate) Said() competency.Reading {
	return competency.Reading{Status: e.Status, Severity: e.Severity, P: e.P}
}

// ModelState tells whether a campaign's model is fitted and still fits what it was fitted to.
type ModelState struct {
	Version  int // 0 = none
	FittedAt time.Time
	Persons  int
	Leans    *Leaning // nil: on the answers of its own campaign alone
}

// A Leaning is an earlier diagnostic from which the model of a small one takes how hard its
// tasks are.
type Leaning struct {
	Title   string // of that diagnostic
	Model   string // of its versions, as estimates name them
	Persons int    // by whose answers it was found
	Tasks   int    // taken,
	Of      int    // of so many
}

// Sentence tells it to any reader.
func (l Leaning) Sentence() string {
	tasks := "заданий"
	if l.Tasks < l.Of {
		tasks = web.Num(l.Tasks) + " из " + web.Plural(l.Of, "задания", "заданий", "заданий")
	}
	return fmt.Sprintf("Трудность %s взята с калибровки диагностики «%s», %s: своих ответов мало.", tasks, l.Title, web.Plural(l.Persons, "участник", "участника", "участников"))
}

// Links are what others give to results; cmd sets them. Each may be nil.
type Links struct {
	// Estimates says what the stored model makes of a revision.
	Estimates func(ctx context.Context, tx *sqlx.Tx, s Scored) ([]Estimate, error)
	// Model reads the state of a campaign's model.
	Model func(ctx context.Context, tx *sqlx.Tx, campaignID int64) (ModelState, error)
	// Fit asks for a fit of the campaign's model and returns the job's id.
	Fit func(ctx context.Context, actor access.Actor, campaignID int64) (int64, error)
}

// Service holds the use cases of this package.
type Service struct {
	pool      *sqlx.DB
	now       func() time.Time
	closed    func(ctx context.Context, tx *sqlx.Tx, attempt int64) (sitting.Closed, error)
	links     Links
	scored    []func(context.Context, *sqlx.Tx, Scored) error
	published []func(context.Context, *sqlx.Tx, int64) error
}

// New returns the service; closed reads a closed attempt (sitting.Service.ClosedTx).
func New(pool *sqlx.DB, now func() time.Time, closed func(ctx context.Context, tx *sqlx.Tx, attempt int64) (sitting.Closed, error)) *Service {
	return &Service{pool: pool, now: now, closed: closed}
}

// Link sets what other contexts give; called once, while wiring.
func (s *Service) Link(l Links) { s.links = l }

// OnScored adds a stage that runs in the transaction that makes a revision.
func (s *Service) OnScored(f func(ctx context.Context, tx *sqlx.Tx, scored Scored) error) {
	s.scored = append(s.scored, f)
}

// OnPublished adds a stage that runs in the transaction that publishes a campaign.
func (s *Service) OnPublished(f func(ctx context.Context, tx *sqlx.Tx, campaignID int64) error) {
	s.published = append(s.published, f)
}

// ScoreTx makes the next score revision of a closed attempt and hands it on.
// reason is ReasonClosed, ReasonMarked or ReasonRegrade.
func (s *Service) ScoreTx(ctx context.Context, tx *sqlx.Tx, attempt int64, reason string) error {
	scored, err := s.computeTx(ctx, tx, attempt, reason)
	if err != nil {
		return fmt.Errorf("score attempt %d: %w", attempt, err)
	}
	return s.keepTx(ctx, tx, scored)
}

// ClosedTx scores an attempt that was just closed. Register it with sitting.OnClosed,
// after marking.OpenTx.
func (s *Service) ClosedTx(ctx context.Context, tx *sqlx.Tx, attempt int64) error {
	return s.ScoreTx(ctx, tx, attempt, ReasonClosed)
}

// MarkedTx scores an attempt whose extended answers are decided. Register it with marking.OnDone.
func (s *Service) MarkedTx(ctx context.Context, tx *sqlx.Tx, attempt int64) error {
	return s.ScoreTx(ctx, tx, attempt, ReasonMarked)
}

func (s *Service) keepTx(ctx context.Context, tx *sqlx.Tx, scored Scored) (err error) {
	if scored.RevisionID, scored.Revision, err = insertTx(ctx, tx, scored); err != nil {
		return err
	}
	for _, next := range s.scored {
		if err := next(ctx, tx, scored); err != nil {
			return err
		}
	}
	return nil
}

// computeTx scores an attempt without keeping anything: by the keys of its last
// revision, a regrade by the newest ones that correct them.
func (s *Service) computeTx(ctx context.Context, tx *sqlx.Tx, attempt int64, reason string) (Scored, error) {
	last, err := lastTx(ctx, tx, []int64{attempt})
	if err != nil {
		return Scored{}, err
	}
	corrected := map[int64]int64{}
	if len(last) == 1 {
		corrected = correctedBy(last[0].Tasks)
	}
	known := newKeyring()
	if reason == ReasonRegrade && len(last) == 1 {
		if corrected, err = known.correctionsTx(ctx, tx, last[0].Versions()); err != nil {
			return Scored{}, err
		}
	}
	return s.deriveTx(ctx, tx, attempt, reason, known, corrected)
}

// keyring is the task versions read so far, with their keys and without.
type keyring struct {
	keyed    map[int64]task.Written
	versions map[int64]bank.Version
}

func newKeyring() keyring {
	return keyring{map[int64]task.Written{}, map[int64]bank.Version{}}
}

// readTx reads those of the versions that were not read yet.
func (k keyring) readTx(ctx context.Context, tx *sqlx.Tx, versions []int64) error {
	ids := []int64{}
	for _, id := range versions {
		if _, read := k.versions[id]; !read {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	keyed, err := bank.KeyedTx(ctx, tx, ids)
	if err != nil {
		return err
	}
	fresh, err := bank.VersionsTx(ctx, tx, ids)
	if err != nil {
		return err
	}
	maps.Copy(k.keyed, keyed)
	maps.Copy(k.versions, fresh)
	return nil
}

// correctionsTx finds, for each version, the newest approved version of the same task
// whose key can score its answers: version → version of the key.
func (k keyring) correctionsTx(ctx context.Context, tx *sqlx.Tx, versions []int64) (map[int64]int64, error) {
	if err := k.readTx(ctx, tx, versions); err != nil {
		return nil, err
	}
	newest, codifiers := map[int64]int64{}, map[int64]bool{}
	for _, id := range versions {
		codifier := k.versions[id].CodifierID
		if codifiers[codifier] {
			continue
		}
		codifiers[codifier] = true
		approved, err := bank.ApprovedTx(ctx, tx, codifier)
		if err != nil {
			return nil, err
		}
		for _, v := range approved {
			newest[v.TaskID] = v.ID
		}
	}
	if err := k.readTx(ctx, tx, slices.Collect(maps.Values(newest))); err != nil {
		return nil, err
	}
	corrected := map[int64]int64{}
	for _, id := range versions {
		later := newest[k.versions[id].TaskID]
		if later != 0 && k.versions[later].Number > k.versions[id].Number && corrects(k.keyed[later].Task, k.keyed[id].Task) {
			corrected[id] = later
		}
	}
	return corrected, nil
}

// deriveTx scores one of many attempts, which share the tasks, by given keys.
func (s *Service) deriveTx(ctx context.Context, tx *sqlx.Tx, attempt int64, reason string, known keyring, corrected map[int64]int64) (Scored, error) {
	closed, err := s.closed(ctx, tx, attempt)
	if err != nil {
		return Scored{}, err
	}
	versions := []int64{}
	for _, m := range closed.Manifest {
		versions = append(versions, m.TaskVersionID)
		if by := corrected[m.TaskVersionID]; by != 0 {
			versions = append(versions, by)
		}
	}
	if err := known.readTx(ctx, tx, versions); err != nil {
		return Scored{}, err
	}
	finals, err := marking.FinalsTx(ctx, tx, attempt)
	if err != nil {
		return Scored{}, err
	}
	a := closed.Attempt
	out := Scored{Reason: reason, AttemptID: a.ID, RegistrationID: a.RegistrationID, CampaignID: a.CampaignID, PersonID: a.PersonID,
		SubmittedAt: *a.SubmittedAt, At: s.now()}
	if out.Tasks, err = score(closed, known.keyed, corrected, finals); err != nil {
		return Scored{}, err
	}
	out.Elements = byElement(out.Tasks, known.versions)
	out.Points, out.Max, out.Complete = totals(out.Tasks)
	return out, nil
}

// LastTx reads the last revision of every submitted attempt of a campaign; annulled
// attempts are left out.
func LastTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) ([]Scored, error) {
	attempts, err := sitting.OfCampaignTx(ctx, tx, campaignID)
	if err != nil {
		return nil, fmt.Errorf("attempts of campaign %d: %w", campaignID, err)
	}
	return lastOf(ctx, tx, attempts)
}

// LastOfPersonTx reads the last revision of a person's submitted attempt of a
// campaign; NotFound where there is none.
func LastOfPersonTx(ctx context.Context, tx *sqlx.Tx, person access.PersonID, campaignID int64) (Scored, error) {
	attempts, err := sitting.OfPersonTx(ctx, tx, person)
	if err != nil {
		return Scored{}, fmt.Errorf("attempts of person %d: %w", person, err)
	}
	for _, a := range attempts {
		if a.CampaignID != campaignID {
			continue
		}
		if last, err := lastOf(ctx, tx, []sitting.Attempt{a}); err != nil || len(last) == 1 {
			if err != nil {
				return Scored{}, err
			}
			return last[0], nil
		}
	}
	return Scored{}, fault.New(fault.NotFound, "Результатов этой диагностики нет")
}

func lastOf(ctx context.Context, tx *sqlx.Tx, attempts []sitting.Attempt) ([]Scored, error) {
	by := map[int64]sitting.Attempt{}
	ids := []int64{}
	for _, a := range attempts {
		if a.State == sitting.Submitted {
			by[a.ID] = a
			ids = append(ids, a.ID)
		}
	}
	out, err := lastTx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	for i := range out {
		a := by[out[i].AttemptID]
		out[i].RegistrationID, out[i].SubmittedAt = a.RegistrationID, *a.SubmittedAt
	}
	return out, nil
}

// Regrade asks to score every attempt of a campaign again by the newest approved
// versions of its tasks, after a wrong key was corrected in the bank; it returns the
// job's id. Attempts whose points do not change get no new revision.
func (s *Service) Regrade(ctx context.Context, actor access.Actor, campaignID int64, why string) (job int64, err error) {
	if !actor.May(access.ResultsPublish) {
		return 0, errNoPage
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if _, err := campaign.ByIDTx(ctx, tx, campaignID); err != nil {
			return err
		}
		if job, err = jobs.EnqueueTx(ctx, tx, actor, RegradeJob, regradeArgs{campaignID}); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "results.regrade", ObjectKind: "campaign", ObjectID: fmt.Sprint(campaignID), Purpose: why})
	})
	return job, err
}

// RegradeJob is the kind of job that scores a campaign again.
const RegradeJob = "results.regrade"

type regradeArgs struct {
	Campaign int64 `json:"campaign"`
}

// RunRegrade does the work of RegradeJob; it can be repeated after a crash.
func (s *Service) RunRegrade(ctx context.Context, j jobs.Job) error {
	var args regradeArgs
	if err := j.Args(&args); err != nil {
		return err
	}
	var before []Scored
	err := db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) (err error) {
		before, err = LastTx(ctx, tx, args.Campaign)
		return err
	})
	if err != nil {
		return err
	}
	changed := 0
	for i, old := range before {
		err := db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
			fresh, err := s.computeTx(ctx, tx, old.AttemptID, ReasonRegrade)
			if err != nil || same(fresh.Tasks, old.Tasks) {
				return err
			}
			changed++
			return s.keepTx(ctx, tx, fresh)
		})
		if err != nil {
			return err
		}
		if i%20 == 0 {
			if err := j.Progress(ctx, i, len(before)); err != nil {
				return err
			}
		}
	}
	return j.Result(ctx, map[string]any{"attempts": len(before), "changed": changed})
}

var errNoPage = fault.New(fault.NotFound, "Такой страницы нет")
