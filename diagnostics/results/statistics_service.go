package results

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
)

// StatisticsJob is the kind of job that computes the statistics of a campaign.
const StatisticsJob = "results.statistics"

type statisticsArgs struct {
	Campaign int64 `json:"campaign"`
}

// RequestStatistics asks for the statistics of a campaign and returns the job's id.
// It is refused where too few have finished.
func (s *Service) RequestStatistics(ctx context.Context, actor access.Actor, campaignID int64) (job int64, err error) {
	if !actor.Scope(access.QualityRead).All {
		return 0, errNoPage
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if _, err := campaign.ByIDTx(ctx, tx, campaignID); err != nil {
			return err
		}
		last, err := LastTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if len(last) < quality.Fewest {
			return tooFew(len(last))
		}
		job, err = jobs.EnqueueTx(ctx, tx, actor, StatisticsJob, statisticsArgs{campaignID})
		return err
	})
	return job, err
}

func tooFew(n int) error {
	return fault.New(fault.Conflict, "Работу закончили %d: статистике заданий нужно хотя бы %d, иначе цифры случайны", n, quality.Fewest)
}

// FittedTx asks for the statistics once a campaign's model is fitted. Register it with
// deficits.OnFitted.
func (s *Service) FittedTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) error {
	_, err := jobs.EnqueueTx(ctx, tx, access.System, StatisticsJob, statisticsArgs{campaignID})
	return err
}

// A StatisticsReport tells what a computation did.
type StatisticsReport struct {
	Version int    `json:"version"`
	Works   int    `json:"works"`
	Tasks   int    `json:"tasks"`
	Why     string `json:"why,omitempty"` // why nothing was computed
}

// RunStatistics does the work of StatisticsJob; it can be repeated after a crash.
// Works that have not changed since the last time get no new version.
func (s *Service) RunStatistics(ctx context.Context, j jobs.Job) error {
	var args statisticsArgs
	if err := j.Args(&args); err != nil {
		return err
	}
	report, err := s.computeStatistics(ctx, args.Campaign, j.Actor)
	if fault.KindOf(err) == fault.Conflict {
		report.Why, err = err.Error(), nil
	}
	if err != nil {
		return err
	}
	return j.Result(ctx, report)
}

func (s *Service) computeStatistics(ctx context.Context, campaignID int64, by access.PersonID) (report StatisticsReport, err error) {
	err = db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
		if err := lockStatisticsTx(ctx, tx, campaignID); err != nil {
			return err
		}
		last, err := LastTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if report.Works = len(last); report.Works < quality.Fewest {
			return tooFew(len(last))
		}
		revisions := revisionsOf(last)
		old, err := StatisticsTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if old.Version > 0 && old.Engine == quality.Engine && slices.Equal(old.Revisions, revisions) {
			report.Version = old.Version
			return nil
		}
		st := Statistics{CampaignID: campaignID, Revisions: revisions, ComputedAt: s.now()}
		if s.links.Model != nil {
			model, err := s.links.Model(ctx, tx, campaignID)
			if err != nil {
				return err
			}
			st.ModelVersion = model.Version
		}
		if st.Statistics, err = deriveStatisticsTx(ctx, tx, last); err != nil {
			return err
		}
		if len(st.Tasks) == 0 {
			return fault.New(fault.Conflict, "В работе нет заданий с баллами: считать нечего")
		}
		if report.Version, err = insertStatisticsTx(ctx, tx, st); err != nil {
			return err
		}
		report.Tasks = len(st.Tasks)
		return audit.RecordTx(ctx, tx, access.System, audit.Entry{Action: "results.statistics", ObjectKind: "campaign", ObjectID: fmt.Sprint(campaignID),
			Details: map[string]any{"version": report.Version, "works": report.Works, "asked_by": by}})
	})
	return report, err
}

// deriveStatisticsTx makes the statistics of revisions.
func deriveStatisticsTx(ctx context.Context, tx *sqlx.Tx, revisions []Scored) (quality.Statistics, error) {
	tasks, err := tasksGivenTx(ctx, tx, revisions)
	if err != nil {
		return quality.Statistics{}, err
	}
	ids := make([]int64, len(revisions))
	for i, s := range revisions {
		ids[i] = s.RegistrationID
	}
	registrations, err := campaign.RegistrationsByIDTx(ctx, tx, ids)
	if err != nil {
		return quality.Statistics{}, err
	}
	return quality.Compute(tasks, worksOf(revisions, registrations)), nil
}

// VerifyStatistics makes the kept statistics of every campaign again from the score
// revisions that they name, and compares them figure by figure. It returns what differs and
// how many were made again; those of another engine are left out.
func (s *Service) VerifyStatistics(ctx context.Context, tx *sqlx.Tx) (broken []string, checked int, err error) {
	kept, err := allStatisticsTx(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	for _, st := range kept {
		if st.Engine != quality.Engine {
			continue
		}
		checked++
		revisions, err := byIDTx(ctx, tx, st.Revisions)
		if err != nil {
			return nil, checked, err
		}
		attempts, err := sitting.OfCampaignTx(ctx, tx, st.CampaignID)
		if err != nil {
			return nil, checked, err
		}
		registration := map[int64]int64{}
		for _, a := range attempts {
			registration[a.ID] = a.RegistrationID
		}
		for i := range revisions {
			revisions[i].RegistrationID = registration[revisions[i].AttemptID]
		}
		again, err := deriveStatisticsTx(ctx, tx, revisions)
		if err != nil {
			return nil, checked, fmt.Errorf("statistics %d of campaign %d: %w", st.Version, st.CampaignID, err)
		}
		if st.Tasks, err = st.tasksOfTx(ctx, tx); err != nil {
			return nil, checked, err
		}
		what, err := differs(st.Statistics, again)
		if err != nil {
			return nil, checked, err
		}
		if what != "" {
			broken = append(broken, fmt.Sprintf("statistics %d of campaign %d: %s", st.Version, st.CampaignID, what))
		}
	}
	return broken, checked, nil
}

// differs names the first thing in which statistics made again are not those kept.
func differs(kept, again quality.Statistics) (string, error) {
	same := func(a, b any) (bool, error) {
		var trees [2]any
		for i, v := range []any{a, b} {
			body, err := json.Marshal(v)
			if err == nil {
				err = json.Unmarshal(body, &trees[i])
			}
			if err != nil {
				return false, err
			}
		}
		return alike(trees[0], trees[1]), nil
	}
	if equal, err := same(kept.Parts, again.Parts); err != nil || !equal {
		return "the figures of the parts are not those of the works", err
	}
	by := map[int64]quality.TaskFigure{}
	for _, t := range again.Tasks {
		by[t.VersionID] = t
	}
	if len(by) != len(kept.Tasks) {
		return fmt.Sprintf("%d tasks are kept, %d are derived", len(kept.Tasks), len(by)), nil
	}
	for _, t := range kept.Tasks {
		if equal, err := same(t, by[t.VersionID]); err != nil || !equal {
			return fmt.Sprintf("the figures of task version %d are not those of the works", t.VersionID), err
		}
	}
	return "", nil
}

// alike compares JSON; numbers may differ as far as a calibration's end does on another
// processor.
func alike(a, b any) bool {
	switch x := a.(type) {
	case float64:
		y, number := b.(float64)
		return number && math.Abs(x-y) <= 1e-4*max(1, math.Abs(x))
	case []any:
		y, list := b.([]any)
		return list && slices.EqualFunc(x, y, alike)
	case map[string]any:
		y, object := b.(map[string]any)
		return object && maps.EqualFunc(x, y, alike)
	}
	return a == b
}

// underTenYears are the bands of experience of the younger group of quality.Comparisons.
var underTenYears = []string{"0-3", "3-5", "5-10"}

func revisionsOf(last []Scored) []int64 {
	ids := make([]int64, len(last))
	for i, s := range last {
		ids[i] = s.RevisionID
	}
	slices.Sort(ids)
	return ids
}

// tasksGivenTx describes the tasks of the works, with what there was to choose.
func tasksGivenTx(ctx context.Context, tx *sqlx.Tx, last []Scored) ([]quality.Task, error) {
	known := newKeyring()
	position, key := map[int64]int{}, map[int64]int64{}
	ids := []int64{}
	for _, s := range last {
		for _, t := range s.Tasks {
			if at, seen := position[t.TaskVersionID]; !seen || t.Position < at {
				position[t.TaskVersionID] = t.Position
			}
			if key[t.TaskVersionID] = cmp.Or(t.KeyVersionID, t.TaskVersionID); t.KeyVersionID != 0 {
				ids = append(ids, t.KeyVersionID)
			}
		}
	}
	for id := range position {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if err := known.readTx(ctx, tx, slices.Compact(ids)); err != nil {
		return nil, err
	}
	out := []quality.Task{}
	for id, at := range position {
		v := known.versions[id]
		if v.Kind == task.Likert {
			continue
		}
		out = append(out, quality.Task{VersionID: id, Position: at, Part: v.Part, Kind: v.Kind, Max: v.MaxPoints, Places: places(known.keyed[id].Task, known.keyed[key[id]].Key),
			Elements: slices.Sorted(maps.Keys(v.Elements))})
	}
	return out, nil
}

// places lists what a closed task asks to choose, with the right options.
func places(t task.Task, key task.Key) []quality.Place {
	ids := func(options []task.Option) []string {
		list := make([]string, len(options))
		for i, o := range options {
			list[i] = o.ID
		}
		return list
	}
	var one string
	var many []string
	pairs := map[string]string{}
	switch t.Kind {
	case task.SingleChoice:
		if json.Unmarshal(key.Answer, &one) == nil {
			return []quality.Place{{Menu: ctt.Menu{Options: ids(t.Options), Key: map[string]bool{one: true}}}}
		}
	case task.MultipleChoice:
		if json.Unmarshal(key.Answer, &many) == nil {
			right := map[string]bool{}
			for _, id := range many {
				right[id] = true
			}
			return []quality.Place{{Menu: ctt.Menu{Options: ids(t.Options), Key: right}}}
		}
	case task.Matching, task.GapChoice:
		if json.Unmarshal(key.Answer, &pairs) != nil {
			return nil
		}
		list := []quality.Place{}
		for _, left := range t.Left {
			list = append(list, quality.Place{ID: left.ID, Menu: ctt.Menu{Options: ids(t.Right), Key: map[string]bool{pairs[left.ID]: true}}})
		}
		for _, gap := range t.Gaps {
			list = append(list, quality.Place{ID: gap.ID, Menu: ctt.Menu{Options: ids(gap.Options), Key: map[string]bool{pairs[gap.ID]: true}}})
		}
		return list
	}
	return nil
}

// worksOf turns revisions into works: points, or why there are none.
func worksOf(last []Scored, registrations map[int64]campaign.Registration) []quality.Work {
	out := make([]quality.Work, len(last))
	for i, s := range last {
		out[i] = quality.Work{Revision: s.RevisionID, Answers: make(map[int64]quality.Answer, len(s.Tasks))}
		if r, known := registrations[s.RegistrationID]; known {
			out[i].Focal = map[string]bool{"rural": r.Rural}
			if r.Experience != "" && r.Experience != people.UnknownBand {
				out[i].Focal["experience"] = slices.Contains(underTenYears, r.Experience)
			}
		}
		for _, t := range s.Tasks {
			out[i].Answers[t.TaskVersionID] = answerOf(t)
		}
	}
	return out
}

func answerOf(t TaskScore) quality.Answer {
	a := quality.Answer{Steps: t.Trace}
	switch t.State {
	case StateOmitted:
		a.Missing = psychometrics.Omitted
	case StateNotReached:
		a.Missing = psychometrics.NotReached
	case StateWaiting:
		a.Missing = psychometrics.Absent
	default:
		a.Points = *t.Points
	}
	return a
}
