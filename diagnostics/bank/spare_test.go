package bank

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// The spare tasks of both instruments come in whole and approved; every key earns
// everything, no key or solution stands in what is shown, and nothing in them asks for a remark.
func TestImportSpare(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"math-teacher", "preschool-teacher"} {
		s := open(t, name+".json")
		s.submit()
		file, err := os.ReadFile(filepath.Join("..", "..", "content", name+"-spare.json"))
		if err != nil {
			t.Fatal(err)
		}
		spare, err := task.ParseSpare(file)
		if err != nil {
			t.Fatal(err)
		}
		taken := map[string]bool{}
		for _, w := range s.file.Tasks {
			taken[w.ID] = true
		}
		elements := map[string]int{}
		for _, w := range spare.Tasks {
			if taken[w.ID] {
				t.Errorf("%s: the instrument has a task of this code", w.ID)
			}
			for _, f := range task.Lint(w) {
				t.Errorf("%s: %v", w.ID, f)
			}
			for _, e := range w.Elements {
				elements[e.Element]++
			}
			if w.ByExperts() || w.Minutes > 5 {
				t.Errorf("%s: %s of %d minutes is not short", w.ID, w.Kind, w.Minutes)
			}
		}
		for e, n := range elements {
			if n < 2 {
				t.Errorf("%s: %d spare tasks", e, n)
			}
		}
		n, err := s.ImportSpare(t.Context(), author, reviewer, file)
		if err != nil || n != len(spare.Tasks) {
			t.Fatalf("%s: %d new of %d, %v", name, n, len(spare.Tasks), err)
		}
		s.tx(func(ctx context.Context, tx *sqlx.Tx) error {
			approved, err := ApprovedTx(ctx, tx, s.codifier)
			if err != nil {
				return err
			}
			ids := []int64{}
			for _, v := range approved {
				ids = append(ids, v.ID)
			}
			if len(ids) != len(spare.Tasks) { // those of the instrument wait for review
				t.Errorf("%d approved, %d in the file", len(ids), len(spare.Tasks))
			}
			keyed, err := KeyedTx(ctx, tx, ids)
			for i, id := range ids {
				k := keyed[id]
				if r := task.Score(k.Task, k.Key, task.FullAnswer(k.Task, k.Key)); r.Points != k.Max {
					t.Errorf("%s: the key earns %+v", k.ID, r)
				}
				if shown := string(approved[i].Shown); strings.Contains(shown, `"solution"`) || strings.Contains(shown, `"key"`) {
					t.Errorf("%s: the view holds the solution", k.ID)
				}
			}
			return err
		})
		if n, err := s.ImportSpare(t.Context(), author, reviewer, file); err != nil || n != 0 {
			t.Errorf("%s again: %d new, %v", name, n, err)
		}
	}
}

func TestImportSpareRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, "math-teacher.json")
	file, err := os.ReadFile(filepath.Join("..", "..", "content", "math-teacher-spare.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, from, to string
		author         access.Actor
		want           func(error) bool
	}{
		{"no such edition", `"edition": "2026"`, `"edition": "1999"`, author, func(err error) bool { return fault.KindOf(err) == fault.NotFound }},
		{"an element of another codifier", `"math.word"`, `"pre.play"`, author, func(err error) bool { return strings.Contains(err.Error(), "pre.play") }},
		{"a field mistyped", `"minutes"`, `"minuts"`, author, func(err error) bool { return strings.Contains(err.Error(), "minuts") }},
		{"a code twice", `"math-30"`, `"math-29"`, author, func(err error) bool { return strings.Contains(err.Error(), "уже был") }},
		{"no tasks", `"tasks": [`, `"tasks": [], "other": [`, author, func(err error) bool { return task.FaultsOf(err) != nil }},
		{"approved by its own author", "", "", reviewer, func(err error) bool { return fault.KindOf(err) == fault.Forbidden }},
	} {
		if _, err := s.ImportSpare(t.Context(), tt.author, reviewer, []byte(strings.Replace(string(file), tt.from, tt.to, 1))); err == nil || !tt.want(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	s.tx(func(ctx context.Context, tx *sqlx.Tx) error {
		approved, err := ApprovedTx(ctx, tx, s.codifier)
		if len(approved) != 0 {
			t.Errorf("a refused file left %d tasks", len(approved))
		}
		return err
	})
}
