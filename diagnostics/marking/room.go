package marking

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
)

// A Room is one assignment as its expert sees it: nothing in it tells who wrote.
type Room struct {
	Assignment Assignment
	Code       string
	Task       string
	Body       template.HTML
	Answer     string
	Files      []sitting.File
	Criteria   []CriterionView
	ZeroBy     string
	Exemplars  []ExemplarView
	Earlier    []Opinion // the two first marks, for the third expert only
	Fixed      bool      // decided: the marks stay
	Comment    string
	Done, All  int // of the expert's own works
	Next       int64
	Errors     map[string]string
}

// Third tells whether the expert is the one who sees both marks.
func (r Room) Third() bool { return r.Assignment.Ordinal == 3 }

// A CriterionView is a criterion with its levels, the highest first; Chosen is -1
// before a level is chosen.
type CriterionView struct {
	Field  string
	ID     string
	Title  template.HTML
	Max    int
	Levels []LevelView
	Chosen int
}

// A LevelView is what earns so many points.
type LevelView struct {
	Points int
	Text   template.HTML
}

// An ExemplarView is a marked sample answer.
type ExemplarView struct {
	Text   template.HTML
	Scores []Score
	Total  int
	Why    template.HTML
}

// A Score is the points of one criterion.
type Score struct {
	Criterion string
	Points    int
}

// An Opinion is what one of the first two experts gave; it does not say who.
type Opinion struct {
	Scores  []Score
	Total   int
	Comment string
}

// Open shows an assignment of the expert. given, if not nil, are marks that were
// refused: they are shown again as they were sent.
func (s *Service) Open(ctx context.Context, actor access.Actor, id int64, given *NewMarks) (room Room, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		w, a, err := ownTx(ctx, tx, actor.ID, id, false)
		if err != nil {
			return err
		}
		if room, err = s.roomTx(ctx, tx, w, a); err != nil {
			return err
		}
		if given != nil {
			room.Comment = given.Comment
			a.Scores = given.Scores
		}
		for i, c := range room.Criteria {
			room.Criteria[i].Chosen = -1
			if p, ok := a.Scores[c.ID]; ok {
				room.Criteria[i].Chosen = p
			}
		}
		rows, err := queueTx(ctx, tx, actor.ID)
		if err != nil {
			return err
		}
		room.All = len(rows)
		for _, r := range rows {
			switch {
			case r.MarkedAt != nil:
				room.Done++
			case r.ID != id && room.Next == 0:
				room.Next = r.ID
			}
		}
		return nil
	})
	return room, err
}

func (s *Service) roomTx(ctx context.Context, tx *sqlx.Tx, w Work, a Assignment) (Room, error) {
	versions, err := bank.VersionsTx(ctx, tx, []int64{w.TaskVersionID})
	if err != nil {
		return Room{}, err
	}
	keyed, err := bank.KeyedTx(ctx, tx, []int64{w.TaskVersionID})
	if err != nil {
		return Room{}, err
	}
	closed, err := s.closed(ctx, tx, w.AttemptID)
	if err != nil {
		return Room{}, err
	}
	k := keyed[w.TaskVersionID].Key
	room := Room{Assignment: a, Code: w.Code, Task: versions[w.TaskVersionID].Code, Answer: answerText(closed.Answers[w.Task]), Files: closed.Files[w.Task],
		ZeroBy: k.ZeroBy, Comment: a.Comment, Fixed: w.State == Done || w.State == Third && a.Ordinal < 3, Errors: map[string]string{}}
	var shown task.View
	if err := json.Unmarshal(versions[w.TaskVersionID].Shown, &shown); err != nil {
		return Room{}, fmt.Errorf("task version %d: %w", w.TaskVersionID, err)
	}
	room.Body = template.HTML(shown.BodyHTML)
	for i, c := range k.Criteria {
		v := CriterionView{Field: field(i), ID: c.ID, Title: s.text.line(c.Title), Max: c.Max}
		for _, g := range c.Levels {
			v.Levels = append(v.Levels, LevelView{g.Points, s.text.line(g.Text)})
		}
		room.Criteria = append(room.Criteria, v)
	}
	for _, e := range k.Exemplars {
		v := ExemplarView{Text: s.text.block(e.Text), Why: s.text.line(e.Why)}
		v.Scores, v.Total = scoresOf(k, e.Scores)
		room.Exemplars = append(room.Exemplars, v)
	}
	if a.Ordinal == 3 {
		by, err := assignmentsTx(ctx, tx, []int64{w.ID})
		if err != nil {
			return Room{}, err
		}
		for _, other := range by[w.ID] {
			if other.Ordinal < 3 && other.Scores != nil {
				o := Opinion{Comment: other.Comment}
				o.Scores, o.Total = scoresOf(k, other.Scores)
				room.Earlier = append(room.Earlier, o)
			}
		}
	}
	return room, nil
}

func scoresOf(k task.Key, marks map[string]int) (list []Score, total int) {
	for _, c := range k.Criteria {
		list = append(list, Score{c.ID, marks[c.ID]})
		total += marks[c.ID]
	}
	return list, total
}

// NextOf is the expert's next assignment to mark, 0 where none is left.
func (s *Service) NextOf(ctx context.Context, actor access.Actor) (next int64, err error) {
	turns, err := s.Queue(ctx, actor)
	if err != nil || len(turns) == 0 || turns[0].Marked {
		return 0, err
	}
	return turns[0].ID, nil
}

// File reads a file of the answer under one of the expert's assignments.
func (s *Service) File(ctx context.Context, actor access.Actor, id int64, sha string) (f files.File, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		w, _, err := ownTx(ctx, tx, actor.ID, id, false)
		if err != nil {
			return err
		}
		closed, err := s.closed(ctx, tx, w.AttemptID)
		if err != nil {
			return err
		}
		for _, kept := range closed.Files[w.Task] {
			if kept.SHA256 == sha {
				f, err = files.GetTx(ctx, tx, sha)
				return err
			}
		}
		return fault.New(fault.NotFound, "Такого файла нет")
	})
	return f, err
}

// A TaskProgress is how far the works of one task of a campaign are.
type TaskProgress struct {
	CampaignID int64
	Campaign   string
	Task       string
	Skill      string
	Max        float64
	Works      int
	Done       int
	Third      int
	Unmarked   int
	Lacking    int
	Agreement  Agreement
}

// An ExpertProgress is the load of one expert and how the expert marks beside others.
type ExpertProgress struct {
	Name   string
	Marked int
	Left   int
	Lean   *float64 // mean difference from the other expert, in points; nil under five common works
	Common int
}

// fewest is how many common works a comparison of two experts needs.
const fewest = 5

// Progress is what a manager sees of marking.
type Progress struct {
	Tasks   []TaskProgress
	Experts []ExpertProgress
	Works   int
	Done    int
	Lacking int
}

// Progress reads the state of marking over all campaigns; experts' names are read by
// names, and that is journalled.
func (s *Service) Progress(ctx context.Context, actor access.Actor) (p Progress, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		rows, err := progressTx(ctx, tx)
		if err != nil {
			return fmt.Errorf("progress of marking: %w", err)
		}
		marks, err := marksTx(ctx, tx)
		if err != nil {
			return fmt.Errorf("marks: %w", err)
		}
		titles, err := s.namesTx(ctx, tx)
		if err != nil {
			return err
		}
		ids := []int64{}
		for _, r := range rows {
			ids = append(ids, r.TaskVersionID)
		}
		versions, err := bank.VersionsTx(ctx, tx, ids)
		if err != nil {
			return err
		}
		pairs, leans := pairsOf(marks)
		for _, r := range rows {
			v := versions[r.TaskVersionID]
			p.Tasks = append(p.Tasks, TaskProgress{r.CampaignID, titles[r.CampaignID], v.Code, v.Skill, v.MaxPoints, r.Works, r.Done, r.Third, r.Unmarked, r.Lacking,
				agree(pairs[[2]int64{r.CampaignID, r.TaskVersionID}])})
			p.Works += r.Works
			p.Done += r.Done
			p.Lacking += r.Lacking
		}
		p.Experts, err = expertsOf(ctx, tx, actor, leans)
		return err
	})
	return p, err
}

// pairsOf finds the works marked twice: totals by campaign and task, and by expert
// the differences from the other.
func pairsOf(marks []markRow) (map[[2]int64][][2]int, map[access.PersonID][]int) {
	pairs, leans := map[[2]int64][][2]int{}, map[access.PersonID][]int{}
	for i := 1; i < len(marks); i++ {
		a, b := marks[i-1], marks[i]
		if a.WorkID != b.WorkID || a.Ordinal != 1 || b.Ordinal != 2 {
			continue
		}
		key := [2]int64{a.CampaignID, a.TaskVersionID}
		pairs[key] = append(pairs[key], [2]int{a.Total, b.Total})
		leans[a.ExpertID] = append(leans[a.ExpertID], a.Total-b.Total)
		leans[b.ExpertID] = append(leans[b.ExpertID], b.Total-a.Total)
	}
	return pairs, leans
}

// Share is the part of the expert's works that is marked.
func (r Room) Share() float64 { return float64(r.Done) / float64(max(1, r.All)) }

// Lacks lists campaigns with works that lack an expert, each once.
func (p Progress) Lacks() []TaskProgress {
	list, seen := []TaskProgress{}, map[int64]bool{}
	for _, t := range p.Tasks {
		if t.Lacking > 0 && !seen[t.CampaignID] {
			seen[t.CampaignID] = true
			list = append(list, t)
		}
	}
	return list
}
