package assembly

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Imported names what an instrument file became.
type Imported struct {
	InstrumentID, SpecificationID, VariantID, CodifierID, ScaleID int64
	Versions                                                      []int64 // of the tasks, in order of the file
	NewVersions                                                   int     // how many of them are new
}

// ImportInstrument takes an instrument file whole or not at all: the codifier
// with its elements, the tasks as versions by author, each approved by reviewer,
// an instrument, a specification whose blueprint the tasks fill, and variant 1
// in the order of the file. author and reviewer must be two people. Faults of the
// file come as task.Faults. A file taken before adds only what changed: new
// versions of changed tasks, the next version of the specification.
func (s *Service) ImportInstrument(ctx context.Context, author, reviewer access.Actor, file []byte) (Imported, error) {
	in, err := task.ParseInstrument(file)
	if err != nil {
		return Imported{}, err
	}
	prepared, err := s.bank.Prepare(in.Tasks)
	if err != nil {
		return Imported{}, err
	}
	var out Imported
	err = db.InTx(ctx, s.pool, author, func(tx *sqlx.Tx) (err error) {
		out, err = s.importTx(ctx, tx, author, reviewer, in, prepared)
		return err
	})
	return out, err
}

func (s *Service) importTx(ctx context.Context, tx *sqlx.Tx, author, reviewer access.Actor, in task.Instrument, prepared bank.Prepared) (out Imported, err error) {
	now := s.now()
	if out.CodifierID, err = competency.AddCodifierTx(ctx, tx, author, codifierOf(in), now); err != nil {
		return out, err
	}
	scale, err := competency.DefaultScaleTx(ctx, tx)
	if err != nil {
		return out, err
	}
	out.ScaleID = scale.ID
	versions, fresh, err := bank.SubmitTx(ctx, tx, author, out.CodifierID, in.About.Subject, prepared, now)
	if err != nil {
		return out, err
	}
	if err := bank.ReviewTx(ctx, tx, reviewer, fresh, bank.Approve, "", now); err != nil {
		return out, err
	}
	out.Versions, out.NewVersions = versions, len(fresh)
	held, err := db.Select[Instrument](ctx, tx, `SELECT `+instrumentColumns+` FROM instrument i WHERE i.code = $1`, in.About.Code)
	if err != nil {
		return out, fmt.Errorf("instrument: %w", err)
	}
	if len(held) == 1 {
		out.InstrumentID = held[0].ID
		unchanged, err := s.newestTx(ctx, tx, held[0].ID, versions, &out)
		if err != nil || unchanged {
			return out, err
		}
	} else if out.InstrumentID, err = insertInstrumentTx(ctx, tx, Instrument{Code: in.About.Code, Title: in.About.Title, About: in.About.About,
		Position: in.About.Position, Subject: in.About.Subject, CodifierID: out.CodifierID}, now); err != nil {
		return out, err
	}
	if out.SpecificationID, err = insertSpecificationTx(ctx, tx, author, out.InstrumentID, in.About.Minutes, blueprintOf(in), now); err != nil {
		return out, err
	}
	if out.VariantID, err = insertVariantTx(ctx, tx, author, out.SpecificationID, versions, now); err != nil {
		return out, err
	}
	return out, audit.RecordTx(ctx, tx, author, audit.Entry{Action: "instrument.imported", ObjectKind: "instrument", ObjectID: fmt.Sprint(out.InstrumentID),
		Details: map[string]any{"tasks": len(versions), "new_versions": len(fresh)}})
}

// newestTx tells whether the newest specification of an instrument already has a
// variant of exactly these tasks, and names both in out.
func (s *Service) newestTx(ctx context.Context, tx *sqlx.Tx, instrumentID int64, versions []int64, out *Imported) (bool, error) {
	specifications, err := SpecificationsTx(ctx, tx, instrumentID)
	if err != nil || len(specifications) == 0 {
		return false, err
	}
	variants, err := VariantsTx(ctx, tx, specifications[0].ID)
	if err != nil {
		return false, err
	}
	for _, v := range variants {
		tasks, err := VariantTx(ctx, tx, v.ID)
		if err != nil {
			return false, err
		}
		if slices.EqualFunc(tasks, versions, func(t VariantTask, id int64) bool { return t.TaskVersionID == id }) {
			out.SpecificationID, out.VariantID = specifications[0].ID, v.ID
			return true, nil
		}
	}
	return false, nil
}

func codifierOf(in task.Instrument) competency.NewCodifier {
	n := competency.NewCodifier{Code: in.Codifier.Code, Edition: in.Codifier.Edition, Title: in.Codifier.Title, Subject: in.About.Subject}
	for _, e := range in.Codifier.Elements {
		n.Elements = append(n.Elements, competency.NewElement{ID: e.ID, Number: e.Number, Title: e.Title, Short: e.Short, Part: string(e.Part),
			Area: e.Area, About: e.About, Strengthen: e.Strengthen, LabourFunctions: e.LabourFunctions})
	}
	return n
}

// blueprintOf asks for what the tasks of a file are: each row one task, by its
// main element, kind, level and points.
func blueprintOf(in task.Instrument) []Row {
	rows := make([]Row, len(in.Tasks))
	for i, w := range in.Tasks {
		rows[i] = Row{Position: i + 1, Part: w.Part, Element: mainElement(w.Elements), Kind: w.Kind, Level: w.Level, Max: float64(w.Max)}
	}
	return rows
}

// mainElement is the element with the largest weight, the first of equals.
func mainElement(weights []task.Weight) string {
	best := task.Weight{}
	for _, w := range weights {
		if w.Weight > best.Weight {
			best = w
		}
	}
	return best.Element
}

// NewInstrument makes an instrument; its specification comes by Specify.
func (s *Service) NewInstrument(ctx context.Context, actor access.Actor, in Instrument) (int64, error) {
	in.Code, in.Title, in.About = strings.ToLower(strings.TrimSpace(in.Code)), strings.TrimSpace(in.Title), strings.TrimSpace(in.About)
	fields := map[string]string{}
	if !codeForm.MatchString(in.Code) {
		fields["code"] = "Нужен код из латинских букв, цифр и дефиса, например math-teacher"
	}
	if in.Title == "" {
		fields["title"] = "Назовите инструмент"
	}
	if in.Position == "" {
		fields["position"] = "Выберите должность"
	}
	if in.Subject == "" {
		fields["subject"] = "Выберите предмет"
	}
	if in.CodifierID == 0 {
		fields["codifier"] = "Выберите кодификатор"
	}
	if len(fields) > 0 {
		return 0, &fault.Error{Kind: fault.Invalid, Message: "Инструмент не создан", Fields: fields}
	}
	var id int64
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if id, err = insertInstrumentTx(ctx, tx, in, s.now()); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "instrument.added", ObjectKind: "instrument", ObjectID: fmt.Sprint(id)})
	})
	return id, err
}

var codeForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,39}$`)

// Specify adds the next version of an instrument's specification. A blueprint
// that the bank cannot fill yet is kept: what is missing is the authors' plan.
func (s *Service) Specify(ctx context.Context, actor access.Actor, instrumentID int64, minutes int, rows []Row) (int64, error) {
	switch {
	case minutes < 1 || minutes > 480:
		return 0, fault.Field("minutes", "Время — от 1 до 480 минут")
	case len(rows) == 0:
		return 0, fault.Field("rows", "Укажите, сколько заданий нужно хотя бы по одному элементу")
	case len(rows) > 200:
		return 0, fault.Field("rows", "Больше 200 заданий в одной работе не бывает")
	}
	var id int64
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		in, err := InstrumentTx(ctx, tx, instrumentID)
		if err != nil {
			return err
		}
		elements, err := competency.ElementsTx(ctx, tx, in.CodifierID)
		if err != nil {
			return err
		}
		known := map[string]bool{}
		for _, e := range elements {
			known[e.ID] = true
		}
		for _, r := range rows {
			if !known[r.Element] {
				return fault.Field("rows", "Элемента %s нет в кодификаторе инструмента", r.Element)
			}
		}
		if id, err = insertSpecificationTx(ctx, tx, actor, instrumentID, minutes, rows, s.now()); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "specification.added", ObjectKind: "specification", ObjectID: fmt.Sprint(id)})
	})
	return id, err
}

// feasibleTx tells whether the bank can fill a blueprint of an instrument now, and if not, why.
func feasibleTx(ctx context.Context, tx *sqlx.Tx, codifierID int64, rows []Row) ([]bank.Version, []Conflict, error) {
	pool, err := bank.ApprovedTx(ctx, tx, codifierID)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]int64, len(pool))
	for i, v := range pool {
		ids[i] = v.ID
	}
	uses, err := usesTx(ctx, tx, ids)
	if err != nil {
		return nil, nil, err
	}
	picked, conflicts := Assemble(rows, pool, uses)
	return picked, conflicts, nil
}

// AssembleVariant makes the next variant of a specification from the bank,
// taking the tasks used least. Where the bank lacks tasks it is a Conflict that
// names the rows.
func (s *Service) AssembleVariant(ctx context.Context, actor access.Actor, specificationID int64) (int64, error) {
	var id int64
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		spec, err := SpecificationTx(ctx, tx, specificationID)
		if err != nil {
			return err
		}
		in, err := InstrumentTx(ctx, tx, spec.InstrumentID)
		if err != nil {
			return err
		}
		rows, err := RowsTx(ctx, tx, specificationID)
		if err != nil {
			return err
		}
		picked, conflicts, err := feasibleTx(ctx, tx, in.CodifierID, rows)
		if err != nil {
			return err
		}
		if len(conflicts) > 0 {
			missing := 0
			for _, c := range conflicts {
				missing += c.Missing()
			}
			return fault.New(fault.Conflict, "Вариант пока не собрать: в банке не хватает заданий (%d). Каких именно, сказано в разделе «Чего не хватает»", missing)
		}
		versions := make([]int64, len(picked))
		for i, v := range picked {
			versions[i] = v.ID
		}
		if id, err = insertVariantTx(ctx, tx, actor, specificationID, versions, s.now()); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "variant.assembled", ObjectKind: "variant", ObjectID: fmt.Sprint(id)})
	})
	return id, err
}
