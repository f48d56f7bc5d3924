package roadmap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
	"github.com/lotsiya/lotsiya/roadmap/parse"
)

// Service holds the use cases of the roadmap.
type Service struct {
	pool *sqlx.DB
	now  func() time.Time
	Outside
}

// New returns the service over a database; outside is what it asks of others.
func New(pool *sqlx.DB, now func() time.Time, outside Outside) *Service {
	return &Service{pool, now, outside}
}

func (s *Service) today() time.Time { return calendar.Day(s.now()) }

// Source is a document to be imported and what a person adds to it.
type Source struct {
	Name      string
	Body      []byte
	Year      int   // 0: as the title says
	Territory int64 // 0: the region's plan
	Typed     bool  // the approval is Number and On, even empty; otherwise as the document says
	Number    string
	On        string // date of approval, 2006-01-02
}

// sourceType marks uploaded plans among the files kept.
const sourceType = "application/x-roadmap-plan"

// Preview reads a document and keeps nothing: the dry run of an import. A plan
// that cannot be read is parse.Faults.
func (s *Service) Preview(src Source) (parse.Plan, error) {
	return parse.File(src.Name, bytes.NewReader(src.Body), src.Year)
}

// stash keeps an uploaded document between the dry run and the import.
func (s *Service) stash(ctx context.Context, actor access.Actor, body []byte) (sha string, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		sha, err = files.PutTx(ctx, tx, sourceType, body)
		return err
	})
	return sha, err
}

func (s *Service) stashed(ctx context.Context, actor access.Actor, sha string) (body []byte, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		f, err := files.GetTx(ctx, tx, sha)
		if err == nil && f.MediaType != sourceType {
			return fault.New(fault.NotFound, "Загруженный файл не найден: выберите его ещё раз")
		}
		body = f.Body
		return err
	})
	return body, err
}

// Import reads a document and keeps the plan: whole or not at all.
func (s *Service) Import(ctx context.Context, actor access.Actor, src Source) (id int64, err error) {
	read, err := s.Preview(src)
	if faults, ok := errors.AsType[parse.Faults](err); ok {
		return 0, &fault.Error{Kind: fault.Invalid, Message: "План не прочитан: " + faults[0].Error(), Fields: map[string]string{"file": faults[0].Error()}, Cause: faults}
	}
	if err != nil {
		return 0, err
	}
	p := Plan{Title: read.Title, Year: read.Year, SourceName: src.Name}
	sum := sha256.Sum256(src.Body)
	p.SourceSHA = hex.EncodeToString(sum[:])
	if read.Approved != nil && !src.Typed {
		src.Number, src.On = read.Approved.Number, string(read.Approved.Date)
	}
	if p.ApprovedNumber, p.ApprovedOn, err = approval(src.Number, src.On); err != nil {
		return 0, err
	}
	for n, sec := range read.Sections {
		kept := Section{Number: n + 1, Title: sec.Title}
		for _, i := range sec.Items {
			kept.Items = append(kept.Items, Item{Number: i.Number, Title: i.Title, Short: Shorten(i.Title), Term: i.Term, Responsible: i.Responsible})
		}
		p.Sections = append(p.Sections, kept)
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if err := s.ownTx(ctx, tx, actor, &p, src.Territory); err != nil {
			return err
		}
		if _, err := files.PutTx(ctx, tx, sourceType, src.Body); err != nil {
			return err
		}
		if id, err = insertTx(ctx, tx, p, int64(actor.ID), s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, actor, "plan.imported", id, map[string]any{"year": p.Year, "sha256": p.SourceSHA})
	})
	return id, err
}

// Adoption says what a copy of a plan is made for.
type Adoption struct {
	Year      int
	Territory int64  // 0: the region
	Title     string // "": the original's, with the year changed
	Number    string
	On        string
}

// Adopt copies a plan for another year or owner: items, terms moved to the
// year, short names, indicators; nothing that was reported.
func (s *Service) Adopt(ctx context.Context, actor access.Actor, plan int64, a Adoption) (id int64, err error) {
	if a.Year < 2000 || a.Year > 2100 {
		return 0, fault.Field("year", "Укажите год: четыре цифры")
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		from, err := planTx(ctx, tx, plan)
		if err != nil {
			return err
		}
		p := Plan{Title: strings.ReplaceAll(from.Title, itoa(from.Year), itoa(a.Year)), Year: a.Year, AdoptedFrom: &from.ID,
			SourceName: from.SourceName, SourceSHA: from.SourceSHA, Sections: from.Sections}
		if title := strings.TrimSpace(a.Title); title != "" {
			p.Title = title
		}
		if utf8.RuneCountInString(p.Title) > 1000 {
			return fault.Field("title", "Название длиннее 1 000 знаков")
		}
		if p.ApprovedNumber, p.ApprovedOn, err = approval(a.Number, a.On); err != nil {
			return err
		}
		if err := s.ownTx(ctx, tx, actor, &p, a.Territory); err != nil {
			return err
		}
		for _, sec := range p.Sections {
			for k := range sec.Items {
				it := &sec.Items[k]
				if term, ok := parse.ReadTerm(it.Term.Text, a.Year); ok {
					it.Term = term
				}
			}
		}
		if id, err = insertTx(ctx, tx, p, int64(actor.ID), s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, actor, "plan.adopted", id, map[string]any{"year": p.Year, "from": plan})
	})
	return id, err
}

// ownTx says whose the plan is, and that the actor may write it.
func (s *Service) ownTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, p *Plan, territory int64) error {
	p.Owner = "Регион"
	if territory != 0 {
		all, err := s.Territories(ctx, tx)
		if err != nil {
			return err
		}
		k := slices.IndexFunc(all, func(t Territory) bool { return t.ID == territory })
		if k < 0 {
			return fault.Field("territory", "Выберите, чей это план")
		}
		p.TerritoryID, p.Owner = &territory, all[k].Name
	}
	if !within(actor.Scope(access.RoadmapWrite), *p) {
		return fault.New(fault.Forbidden, "План этого муниципалитета ведут другие")
	}
	return nil
}

// within tells whether a plan lies in a scope: its territory, or everywhere.
func within(scope access.Scope, p Plan) bool {
	return scope.All || p.TerritoryID != nil && scope.Covers(*p.TerritoryID, 0)
}

// approval reads the number and the date of an approval; both or neither.
func approval(number, on string) (string, *time.Time, error) {
	number, on = strings.TrimSpace(number), strings.TrimSpace(on)
	switch {
	case number == "" && on == "":
		return "", nil, nil
	case number == "":
		return "", nil, fault.Field("number", "Укажите номер распоряжения или уберите дату")
	case on == "":
		return "", nil, fault.Field("on", "Укажите дату утверждения или уберите номер")
	case utf8.RuneCountInString(number) > 40:
		return "", nil, fault.Field("number", "Номер длиннее 40 знаков")
	}
	d, err := time.Parse("2006-01-02", on)
	if err != nil || d.Year() < 1990 || d.Year() > 2100 {
		return "", nil, fault.Field("on", "Дата утверждения: день, месяц и год, например 12.05.2026")
	}
	return number, &d, nil
}

// Approve types in the approval of a plan, or takes it back with both empty.
func (s *Service) Approve(ctx context.Context, actor access.Actor, plan int64, number, on string) error {
	n, d, err := approval(number, on)
	if err != nil {
		return err
	}
	return s.change(ctx, actor, actor.Scope(access.RoadmapWrite), plan, "plan.approved", func(tx *sqlx.Tx, _ Plan) (map[string]any, error) {
		_, err := tx.ExecContext(ctx, `UPDATE roadmap_plan SET approved_number = $2, approved_on = $3 WHERE id = $1`, plan, n, d)
		return map[string]any{"number": n, "on": on}, err
	})
}

// change loads a plan, asks whether it lies where the actor may do this, changes
// and records it. A plan outside the scope is to the actor as if it were not there.
func (s *Service) change(ctx context.Context, actor access.Actor, scope access.Scope, plan int64, action string, f func(tx *sqlx.Tx, p Plan) (map[string]any, error)) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		p, err := planTx(ctx, tx, plan)
		if err != nil {
			return err
		}
		if !within(scope, p) {
			return fault.New(fault.NotFound, "Этот план ведут другие: изменить его нельзя")
		}
		details, err := f(tx, p)
		if err != nil {
			return err
		}
		return s.record(ctx, tx, actor, action, plan, details)
	})
}

func (s *Service) record(ctx context.Context, tx *sqlx.Tx, actor access.Actor, action string, plan int64, details map[string]any) error {
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: action, ObjectKind: "roadmap_plan", ObjectID: itoa(int(plan)), Details: details})
}

// NewReport is what somebody says about an item of a plan.
type NewReport struct {
	Item          string `json:"item"` // its number
	State         Said   `json:"state"`
	Note          string `json:"note"`
	DocumentTitle string `json:"document_title"`
	Document      string `json:"document"` // a link
	Until         string `json:"until"`    // 2006-01-02, of a postponed item
}

// Report appends reports to items of a plan; all of them or none. Besides those
// who keep the plans, the coordinator and the methodist of a municipality report
// on the plan of their own.
func (s *Service) Report(ctx context.Context, actor access.Actor, plan int64, reports ...NewReport) error {
	for k := range reports {
		if err := reports[k].tidy(); err != nil {
			return err
		}
	}
	return s.change(ctx, actor, actor.Scope(access.RoadmapReport), plan, "plan.reported", func(tx *sqlx.Tx, p Plan) (map[string]any, error) {
		items := make([]string, len(reports))
		for k, r := range reports {
			items[k] = r.Item
			if err := p.admits(r); err != nil {
				return nil, err
			}
		}
		return map[string]any{"items": items}, reportsTx(ctx, tx, plan, int64(actor.ID), s.now(), reports)
	})
}

// tidy trims a report and refuses one that says nothing.
func (r *NewReport) tidy() error {
	r.Note, r.DocumentTitle, r.Document = strings.TrimSpace(r.Note), strings.TrimSpace(r.DocumentTitle), strings.TrimSpace(r.Document)
	if r.State.Word() == "" {
		return fault.Field("state", "Выберите состояние")
	}
	fields := map[string]string{}
	if utf8.RuneCountInString(r.Note) > 4000 {
		fields["note"] = "Заметка длиннее 4 000 знаков: сократите её или приложите документ"
	}
	if utf8.RuneCountInString(r.DocumentTitle) > 200 {
		fields["document_title"] = "Название документа длиннее 200 знаков"
	}
	if u, err := url.Parse(r.Document); r.Document != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(r.Document) > 2000) {
		fields["document"] = "Ссылка начинается с https:// или http://"
	}
	if r.DocumentTitle == "" {
		r.DocumentTitle = r.Document
	}
	if r.State == SaidPostponed {
		if _, err := time.Parse("2006-01-02", r.Until); err != nil {
			fields["until"] = "Укажите новый срок: до какого дня перенесено"
		}
		if r.Note == "" {
			fields["note"] = "Скажите, почему перенесено"
		}
	} else {
		r.Until = ""
	}
	if r.State == SaidCancelled && r.Note == "" {
		fields["note"] = "Скажите, почему отменено"
	}
	if len(fields) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Заметка не записана", Fields: fields}
	}
	return nil
}

// admits refuses a new term that lies before the item's own, or before the plan was approved.
func (p Plan) admits(r NewReport) error {
	i, ok := p.Item(r.Item)
	switch until := parse.Date(r.Until); {
	case !ok:
		return errNoItem
	case r.State != SaidPostponed:
		return nil
	case until < i.End(p.Year):
		return fault.Field("until", "Новый срок раньше прежнего: по плану пункт до %s", said(i.End(p.Year)))
	case p.ApprovedOn != nil && until < day(*p.ApprovedOn):
		return fault.Field("until", "Новый срок раньше, чем план утвердили: %s", calendar.Date(*p.ApprovedOn))
	}
	return nil
}

// said is a date in words.
func said(d parse.Date) string {
	t, _ := time.Parse("2006-01-02", string(d)) // a Date is well formed
	return calendar.Date(t)
}

// Attach shows an indicator of the registry at an item; attaching twice is once.
func (s *Service) Attach(ctx context.Context, actor access.Actor, plan int64, item, key string) error {
	if !slices.ContainsFunc(s.Keys, func(k Key) bool { return k.Key == key }) {
		return fault.Field("key", "Выберите показатель")
	}
	return s.change(ctx, actor, actor.Scope(access.RoadmapWrite), plan, "plan.indicator_attached", func(tx *sqlx.Tx, p Plan) (map[string]any, error) {
		i, ok := p.Item(item)
		if !ok {
			return nil, errNoItem
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO roadmap_indicator (item_id, key, rank) VALUES ($1, $2, $3) ON CONFLICT ON CONSTRAINT roadmap_indicator_pk DO NOTHING`, i.ID, key, len(i.Keys)+1)
		return map[string]any{"item": item, "key": key}, err
	})
}

// Detach takes an indicator off an item.
func (s *Service) Detach(ctx context.Context, actor access.Actor, plan int64, item, key string) error {
	return s.change(ctx, actor, actor.Scope(access.RoadmapWrite), plan, "plan.indicator_detached", func(tx *sqlx.Tx, p Plan) (map[string]any, error) {
		i, ok := p.Item(item)
		if !ok {
			return nil, errNoItem
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM roadmap_indicator WHERE item_id = $1 AND key = $2`, i.ID, key)
		return map[string]any{"item": item, "key": key}, err
	})
}

// Rename gives items (by number) the short names that the chart shows.
func (s *Service) Rename(ctx context.Context, actor access.Actor, plan int64, short map[string]string) error {
	for _, name := range short {
		if n := utf8.RuneCountInString(strings.TrimSpace(name)); n == 0 || n > 80 {
			return fault.Field("short", "Короткое название: от 1 до 80 знаков")
		}
	}
	return s.change(ctx, actor, actor.Scope(access.RoadmapWrite), plan, "plan.renamed", func(tx *sqlx.Tx, p Plan) (map[string]any, error) {
		var numbers, names []string
		for n, name := range short {
			if _, ok := p.Item(n); !ok {
				return nil, errNoItem
			}
			numbers, names = append(numbers, n), append(names, strings.TrimSpace(name))
		}
		slices.Sort(numbers)
		for k, n := range numbers {
			names[k] = strings.TrimSpace(short[n])
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE roadmap_item i SET short = n.short FROM unnest(CAST($2 AS text[]), CAST($3 AS text[])) AS n (number, short)
			WHERE i.plan_id = $1 AND i.number = n.number`, plan, db.Array(numbers), db.Array(names))
		return map[string]any{"items": numbers}, err
	})
}

// Plans gives all plans, the newest year first, the region's before others.
func (s *Service) Plans(ctx context.Context, actor access.Actor) (plans []Plan, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		plans, err = plansTx(ctx, tx, 0)
		return err
	})
	return plans, err
}

// Live is an attached indicator with its figure for the plan's year.
type Live struct {
	Item   Item
	Key    Key
	Figure Figure
}

// View is a plan with its live figures and the names of those who reported.
type View struct {
	Plan  Plan
	Live  []Live
	Names map[access.PersonID]string
}

// View reads a plan; item "" is the whole plan, otherwise figures and names for
// that item alone.
func (s *Service) View(ctx context.Context, actor access.Actor, plan int64, item string) (v View, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if v.Plan, err = planTx(ctx, tx, plan); err != nil {
			return err
		}
		var by []access.PersonID
		figures := map[string]Figure{}
		for _, sec := range v.Plan.Sections {
			for _, i := range sec.Items {
				if item != "" && i.Number != item {
					continue
				}
				for _, r := range i.Reports {
					if r.By != 0 && !slices.Contains(by, r.By) {
						by = append(by, r.By)
					}
				}
				for _, key := range i.Keys {
					k := slices.IndexFunc(s.Keys, func(k Key) bool { return k.Key == key })
					if k < 0 {
						continue // the registry no longer knows it
					}
					f, known := figures[key]
					if !known {
						f, err = s.Figures(ctx, tx, actor, key, v.Plan.Year)
						if k := fault.KindOf(err); err != nil && (k == fault.Forbidden || k == fault.NotFound) {
							f, err = Figure{Note: "Эти данные видят те, кто работает с банком дефицитов"}, nil
						}
						if err != nil {
							return err
						}
						figures[key] = f
					}
					v.Live = append(v.Live, Live{i, s.Keys[k], f})
				}
			}
		}
		if _, ok := v.Plan.Item(item); item != "" && !ok {
			return errNoItem
		}
		v.Names = map[access.PersonID]string{}
		if item != "" && len(by) > 0 {
			v.Names, err = s.Names(ctx, tx, actor, "кто отчитался по пункту дорожной карты", by)
		}
		return err
	})
	return v, err
}

// LateTx counts the items of the scope's plans that are late on a day, and names a
// plan that has them: the newest, the region's before others; 0 where nothing is late.
func LateTx(ctx context.Context, tx *sqlx.Tx, scope access.Scope, year int, now time.Time) (late int, plan int64, err error) {
	plans, err := plansTx(ctx, tx, 0)
	for _, p := range plans {
		if p.Year != year || !within(scope, p) {
			continue
		}
		if n := p.Tally(p.Sections, day(calendar.Day(now))).Late; n > 0 {
			late += n
			if plan == 0 {
				plan = p.ID
			}
		}
	}
	return late, plan, err
}

// territories lists whose plans there may be.
func (s *Service) territories(ctx context.Context, actor access.Actor) (all []Territory, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		all, err = s.Territories(ctx, tx)
		return err
	})
	return all, err
}
