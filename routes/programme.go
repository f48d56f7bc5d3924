// Package routes keeps the catalogue of programmes and the individual learning routes (ИОМ): proposed by the planner,
// adjusted by a methodist, agreed by the teacher, ticked off step by step. Every change is a new version.
package routes

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/internal/db"
)

// Service holds the use cases of programmes and routes.
type Service struct {
	pool *sqlx.DB
	now  func() time.Time
	src  Sources

	drawings drawings
}

// Element is a competency element as programmes and routes name it.
type Element = competency.Element

// elementsTx gives every competency element by id, as its newest edition has it.
func elementsTx(ctx context.Context, tx db.Q) (map[string]Element, error) {
	codifiers, err := competency.CodifiersTx(ctx, tx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(codifiers, func(a, b competency.Codifier) int { return a.ValidFrom.Compare(b.ValidFrom) })
	out := map[string]Element{}
	for _, c := range codifiers {
		list, err := competency.ElementsTx(ctx, tx, c.ID)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			out[e.ID] = e
		}
	}
	return out, nil
}

// New returns the service on a pool; now is the clock, src where needs come from (Bank, as a rule).
func New(pool *sqlx.DB, now func() time.Time, src Sources) *Service {
	return &Service{pool: pool, now: now, src: src}
}

// Programme is one thing a teacher can take: a course, a webinar, a mentor.
type Programme struct {
	ID             int64      `db:"id"`
	Code           string     `db:"code"`
	Kind           string     `db:"kind"`
	Title          string     `db:"title"`
	Provider       string     `db:"provider"`
	Registry       string     `db:"registry"`
	RegistryNumber string     `db:"registry_number"`
	Hours          int        `db:"hours"`
	Form           string     `db:"form"`
	Cost           int        `db:"cost"` // roubles
	Funding        string     `db:"funding"`
	Positions      []string   `db:"-"` // codes; empty = for everybody
	Subjects       []string   `db:"-"`
	About          string     `db:"about"`
	Document       string     `db:"document"`
	URL            string     `db:"url"`
	Equivalents    string     `db:"equivalents"` // of programmes with the same mark at most one is taken
	Requires       []string   `db:"-"`           // codes of programmes to be finished before
	ValidUntil     *time.Time `db:"valid_until"`
	WithdrawnAt    *time.Time `db:"withdrawn_at"`

	Covers   []Cover   `db:"-"`
	Sessions []Session `db:"-"`
}

// Cover is a planned result: the share of a deficit (0…1) that a programme closes.
type Cover struct {
	Programme int64   `db:"programme_id"`
	Element   string  `db:"element_id"`
	Share     float64 `db:"share"`
	Result    string  `db:"result"`
}

// Session is a group with dates and seats; Taken counts the routes that hold a seat.
type Session struct {
	ID          int64      `db:"id"`
	Programme   int64      `db:"programme_id"`
	Code        string     `db:"code"`
	StartsOn    time.Time  `db:"starts_on"`
	EndsOn      time.Time  `db:"ends_on"`
	Mode        string     `db:"mode"` // full-time, online
	Venue       string     `db:"venue"`
	Seats       int        `db:"seats"`
	CancelledAt *time.Time `db:"cancelled_at"`
	Taken       int        `db:"taken"`
}

// Free is how many seats are left.
func (s Session) Free() int { return max(0, s.Seats-s.Taken) }

// Place is where the session is, in words.
func (s Session) Place() string {
	switch {
	case s.Venue == "" && s.Mode == "online":
		return "онлайн"
	case s.Mode == "online":
		return s.Venue
	case s.Venue == "":
		return "очно"
	}
	return "очно, " + s.Venue
}

// word is a code with its Russian name.
type word struct{ Code, Name string }

// Kinds, forms and funding in reading order; a workbook uses the names.
var (
	kinds = []word{{"dpp_pk", "Повышение квалификации"}, {"dpp_pp", "Переподготовка"}, {"internship", "Стажировка"}, {"webinar", "Вебинар"},
		{"seminar", "Практикум"}, {"mentoring", "Наставничество"}, {"consultation", "Консультации"}, {"self_education", "Самообразование"},
		{"association", "Методическое объединение"}}
	forms    = []word{{"full-time", "очная"}, {"mixed", "очно-заочная"}, {"online", "дистанционная"}}
	fundings = []word{{"budget", "бюджет"}, {"paid", "внебюджет"}, {"subsidy", "субсидия"}}
	modes    = []word{{"full-time", "очно"}, {"online", "дистанционно"}}
)

func nameOf(list []word, code string) string {
	if i := slices.IndexFunc(list, func(w word) bool { return w.Code == code }); i >= 0 {
		return list[i].Name
	}
	return code
}

// KindName is the kind in Russian.
func (p Programme) KindName() string { return nameOf(kinds, p.Kind) }

// FullTitle is the title after its kind, unless the title names it.
func (p Programme) FullTitle() string {
	if strings.Contains(fold(p.Title), fold(p.KindName())) {
		return p.Title
	}
	return p.KindName() + ": " + p.Title
}

// FormName is the form of study in Russian.
func (p Programme) FormName() string { return nameOf(forms, p.Form) }

// FundingName is who pays, in Russian.
func (p Programme) FundingName() string { return nameOf(fundings, p.Funding) }

// SuitedTo tells whether the programme is meant for a position and a subject.
func (p Programme) SuitedTo(position, subject string) bool {
	return (len(p.Positions) == 0 || slices.Contains(p.Positions, position)) &&
		(len(p.Subjects) == 0 || subject == "" || slices.Contains(p.Subjects, subject))
}

// Open tells whether the programme can be taken on a day.
func (p Programme) Open(day time.Time) bool {
	return p.WithdrawnAt == nil && (p.ValidUntil == nil || !p.ValidUntil.Before(day))
}

// Seats counts the seats of sessions that begin on or after a day, and the free ones.
func (p Programme) Seats(day time.Time) (all, free int) {
	for _, s := range p.Sessions {
		if s.CancelledAt == nil && !s.StartsOn.Before(day) {
			all += s.Seats
			free += s.Free()
		}
	}
	return all, free
}

// Session finds a session by id; nil where there is none.
func (p Programme) Session(id int64) *Session {
	for i := range p.Sessions {
		if p.Sessions[i].ID == id {
			return &p.Sessions[i]
		}
	}
	return nil
}
