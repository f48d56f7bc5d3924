package deficits

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
)

// A Profile is what is held of one participant, by code.
type Profile struct {
	Code        string
	Campaign    campaign.Campaign
	Attempt     string // public id, for the report
	MayReport   bool   // the reader may open the report with the name
	MayTasks    bool   // the reader may see the bank of tasks
	MayCall     bool   // the reader may arrange a diagnostic
	Passport    []Fact
	Cut         float64
	Rule        string // when something is said for certain
	Scale       string
	Share       bool // the office chose the share rule
	Model       string
	FittedAt    *time.Time
	Persons     int
	Leans       *results.Leaning
	Preliminary bool
	Parts       []PartProfile
	Differ      int // elements of which the share rule says otherwise
	Measured    int // elements with enough evidence
	HasSelf     bool
	Evidence    []EvidenceRow
	Others      []Other
	Route       RouteLink
}

// A Fact is one line of the participant's passport.
type Fact struct{ Name, Value string }

// A PartProfile is the elements of one part.
type PartProfile struct {
	Title    string
	Elements []ElementProfile
}

// An ElementProfile is one element with what stands behind it and how knowledge of it changed.
type ElementProfile struct {
	competency.Element
	Deficit  Deficit
	Self     *float64
	Say      string
	SayClass string
	DotClass string
	RuleSays string // by the bare share
	Differs  bool
	Why      *results.Why
	Tasks    []results.EvidenceLine
	History  []HistoryRow
}

// Shown tells whether there is enough to draw a point.
func (e ElementProfile) Shown() bool { return e.Deficit.Status != "insufficient" }

// Unclear lists the elements of which more answers could give a verdict.
func (p Profile) Unclear() []ElementProfile {
	out := []ElementProfile{}
	for _, part := range p.Parts {
		for _, e := range part.Elements {
			if e.Why != nil && e.Why.Unclear {
				out = append(out, e)
			}
		}
	}
	return out
}

// UnclearList names them in a line, for a letter.
func (p Profile) UnclearList() string {
	names := []string{}
	for _, e := range p.Unclear() {
		names = append(names, e.Short)
	}
	return strings.Join(names, ", ")
}

// Typical tells whether some next task is taken as an average one of its level.
func (p Profile) Typical() bool {
	return slices.ContainsFunc(p.Unclear(), func(e ElementProfile) bool {
		return slices.ContainsFunc(e.Why.Next, func(n results.NextTask) bool { return n.Typical })
	})
}

// A HistoryRow is one state of knowledge of an element.
type HistoryRow struct {
	Deficit
	Campaign string
	Now      bool // held now
	Say      string
}

// An EvidenceRow is one thing that speaks of an element.
type EvidenceRow struct {
	Evidence
	Title  string
	Source string
	Says   string
}

// An Other is another diagnostic of the same person.
type Other struct {
	Code, Title string
	At          time.Time
}

// sources are the kinds of evidence in words.
var sources = map[string]string{
	"diagnostics": "Диагностика", "re_diagnostics": "Повторная диагностика", "self_assessment": "Самооценка", "observation": "Посещение урока",
	"attestation": "Аттестация", "pupils_results": "Результаты учеников", "programme_assessment": "Итоговая работа программы", "request": "Запрос руководителя",
}

// Profile reads what is held of a participant and journals the look. The reader's
// scope covers the place where the person took part; a municipal methodist also needs
// the person's consent.
func (s *Service) Profile(ctx context.Context, actor access.Actor, code string) (p Profile, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		reg, err := campaign.RegistrationByCodeTx(ctx, tx, code)
		if err != nil {
			return err
		}
		scope := actor.Scope(access.BankPersons)
		if !scope.Covers(reg.TerritoryID, reg.OrganisationID) {
			return errNoPage
		}
		sharing, err := people.SharingTx(ctx, tx, scope, []access.PersonID{reg.PersonID})
		if err != nil {
			return err
		}
		if !sharing[reg.PersonID] {
			return errNoPage
		}
		// Whoever may see this person sees them whole: also what they showed elsewhere before.
		if err := db.Everybody(ctx, tx, func() error { p, err = s.profileTx(ctx, tx, actor, reg); return err }); err != nil {
			return err
		}
		if s.route != nil {
			if p.Route, err = s.route(ctx, tx, actor, reg); err != nil {
				return err
			}
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "deficit.read", ObjectKind: "registration", ObjectID: fmt.Sprint(reg.ID), Person: reg.PersonID,
			Purpose: "профиль участника по коду"})
	})
	return p, err
}

func (s *Service) profileTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, reg campaign.Registration) (Profile, error) {
	c, err := courseTx(ctx, tx, reg.CampaignID)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{Code: reg.Code, Campaign: c.campaign, Cut: c.scale.Definition.Cut, Rule: c.scale.Definition.Words(), Scale: c.scale.Title, Share: c.scale.Definition.Rule == competency.RuleShare,
		Model: c.model.name(), Persons: c.model.Persons, MayReport: actor.May(access.PersonResults), MayTasks: actor.May(access.TasksRead), MayCall: actor.May(access.CampaignsManage)}
	if c.model.ID != 0 {
		p.FittedAt = &c.model.FittedAt
	}
	if p.Leans, err = leansTx(ctx, tx, c.model); err != nil {
		return Profile{}, err
	}
	if p.Passport, err = passportTx(ctx, tx, reg, p.MayReport); err != nil {
		return p, err
	}
	scored, err := results.LastOfPersonTx(ctx, tx, reg.PersonID, reg.CampaignID)
	if err != nil {
		return p, err
	}
	attempt, err := sitting.OfRegistrationTx(ctx, tx, reg.ID)
	if err != nil {
		return p, err
	}
	p.Attempt = attempt.PublicID
	versions, err := bank.VersionsTx(ctx, tx, scored.Versions())
	if err != nil {
		return p, err
	}
	held, err := OfPersonTx(ctx, tx, reg.PersonID, reg.CampaignID)
	if err != nil {
		return p, err
	}
	history, err := HistoryTx(ctx, tx, reg.PersonID)
	if err != nil {
		return p, err
	}
	titles := map[int64]string{}
	campaigns, err := campaign.ListTx(ctx, tx)
	if err != nil {
		return p, err
	}
	for _, c := range campaigns {
		titles[c.ID] = c.Title
	}
	elements, err := elementsOf(ctx, tx, held)
	if err != nil {
		return p, err
	}
	if err := c.placeTx(ctx, tx, versions); err != nil {
		return p, err
	}
	why, err := c.explainTx(ctx, tx, scored, versions)
	if err != nil {
		return p, fmt.Errorf("explain attempt %d: %w", scored.AttemptID, err)
	}
	for i := range held {
		if c.standing(held[i], scored, why) == nil {
			delete(why, held[i].Element)
		}
	}
	p.fill(elements, held, history, titles, scored, versions, why)
	if p.Evidence, err = evidenceTx(ctx, tx, reg.PersonID, elements); err != nil {
		return p, err
	}
	p.Others, err = othersTx(ctx, tx, reg, titles, history)
	return p, err
}

// fill joins the elements with what is held, what stands behind it and what was held before.
func (p *Profile) fill(elements []competency.Element, held, history []Deficit, titles map[int64]string, scored results.Scored, versions map[int64]bank.Version, why map[string]*results.Why) {
	lines, _ := results.Lines(scored, versions)
	self := scored.Self(versions)
	p.HasSelf = len(self) > 0
	by := map[string]Deficit{}
	for _, d := range held {
		by[d.Element] = d
		p.Preliminary = p.Preliminary || d.Preliminary
	}
	for _, part := range []struct{ code, title string }{{"subject", "Предметная часть"}, {"methodical", "Методическая часть"}} {
		section := PartProfile{Title: part.title}
		for _, e := range elements {
			d, measured := by[e.ID]
			if e.Part != part.code || !measured {
				continue
			}
			v := ElementProfile{Element: e, Deficit: d, Why: why[e.ID], Tasks: results.Weigh(lines[e.ID], why[e.ID])}
			v.Say, v.SayClass, v.DotClass = results.Verdict(results.Estimate{Status: d.Status, Severity: d.Severity, P: d.P})
			if share, asked := self[e.ID]; asked {
				v.Self = &share
			}
			if v.Shown() && d.Share != nil {
				p.Measured++
				under := *d.Share < p.Cut
				v.RuleSays = "не ниже порога"
				if under {
					v.RuleSays = "ниже порога"
				}
				if v.Differs = under != (d.Status == "deficit"); v.Differs {
					p.Differ++
				}
			}
			for _, h := range history {
				if h.Element == e.ID && h.Subject == d.Subject {
					row := HistoryRow{Deficit: h, Campaign: titles[h.CampaignID], Now: h.ReplacedAt == nil}
					row.Say = h.Said().Verdict().Words()
					v.History = append(v.History, row)
				}
			}
			section.Elements = append(section.Elements, v)
		}
		if len(section.Elements) > 0 {
			p.Parts = append(p.Parts, section)
		}
	}
}

// passportTx puts the frozen passport into words; the school only for those who may
// know the name.
func passportTx(ctx context.Context, tx *sqlx.Tx, reg campaign.Registration, school bool) ([]Fact, error) {
	refs, err := people.RefsTx(ctx, tx)
	if err != nil {
		return nil, err
	}
	facts := []Fact{{"Муниципалитет", refs.Territory(reg.TerritoryID).Name}}
	if school {
		facts = append(facts, Fact{"Организация", refs.Organisation(reg.OrganisationID).ShortName})
	}
	return append(facts, Fact{"Должность", refs.PositionName(reg.Position)}, Fact{"Предмет", refs.SubjectName(reg.Subject)},
		Fact{"Категория", refs.CategoryName(reg.Category)}, Fact{"Стаж", refs.BandName(reg.Experience)}), nil
}

func elementsOf(ctx context.Context, tx *sqlx.Tx, held []Deficit) ([]competency.Element, error) {
	codifiers := []int64{}
	for _, e := range held {
		codifiers = append(codifiers, e.CodifierID)
	}
	return competency.ElementsOfTx(ctx, tx, codifiers)
}

// evidenceTx lists what speaks of a person, by source; of several revisions of one
// work the last one.
func evidenceTx(ctx context.Context, tx *sqlx.Tx, person access.PersonID, elements []competency.Element) ([]EvidenceRow, error) {
	list, err := EvidenceTx(ctx, tx, person)
	if err != nil {
		return nil, err
	}
	titles, rank := map[string]string{}, map[string]int{}
	for i, e := range elements {
		titles[e.ID], rank[e.ID] = e.Short, i
	}
	type key struct {
		kind, element string
		at            int64
	}
	seen, rows := map[key]bool{}, []EvidenceRow{}
	for _, e := range list {
		k := key{e.SourceKind, e.Element, e.ObservedAt.UnixNano()}
		if seen[k] || titles[e.Element] == "" {
			continue
		}
		seen[k] = true
		row := EvidenceRow{Evidence: e, Title: titles[e.Element], Source: sources[e.SourceKind]}
		if e.Points != nil && e.Max != nil && *e.Max > 0 {
			row.Says = fmt.Sprintf("%d %%", int(100**e.Points / *e.Max + 0.5))
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b EvidenceRow) int {
		if d := rank[a.Element] - rank[b.Element]; d != 0 {
			return d
		}
		return b.ObservedAt.Compare(a.ObservedAt)
	})
	return rows, nil
}

// othersTx lists the person's other diagnostics that left something held.
func othersTx(ctx context.Context, tx *sqlx.Tx, reg campaign.Registration, titles map[int64]string, history []Deficit) ([]Other, error) {
	ids, at := []int64{}, map[int64]time.Time{}
	for _, h := range history {
		if _, seen := at[h.RegistrationID]; !seen && h.RegistrationID != reg.ID && h.ReplacedAt == nil {
			at[h.RegistrationID] = h.ValidFrom
			ids = append(ids, h.RegistrationID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	others, err := campaign.RegistrationsByIDTx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	out := []Other{}
	for _, id := range ids {
		out = append(out, Other{others[id].Code, titles[others[id].CampaignID], at[id]})
	}
	return out, nil
}
