package people

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// AddPeople adds persons with their sign-ins, appointments and roles, all or none,
// and returns their ids in the order given.
func (s *Service) AddPeople(ctx context.Context, actor access.Actor, list []NewPerson) ([]access.PersonID, error) {
	for i, p := range list {
		if err := p.Name.Validate(); err != nil {
			return nil, fmt.Errorf("person %d: %w", i+1, err)
		}
		if len(p.Grants) > 0 && !actor.May(access.RolesManage) {
			return nil, fault.New(fault.Forbidden, "Роли выдаёт администратор")
		}
	}
	var ids []access.PersonID
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if err := s.mayAppointTx(ctx, tx, actor, list); err != nil {
			return err
		}
		if ids, err = addPeopleTx(ctx, tx, actor, list, s.now()); err != nil {
			return err
		}
		entries := make([]audit.Entry, len(ids))
		for i, id := range ids {
			entries[i] = audit.Entry{Action: "person.add", ObjectKind: "person", ObjectID: fmt.Sprint(id), Person: id}
		}
		return audit.RecordManyTx(ctx, tx, actor, entries)
	})
	return ids, err
}

// mayAppointTx refuses an appointment outside the actor's scope, and a person without one
// from anybody whose scope is not the whole region.
func (s *Service) mayAppointTx(ctx context.Context, tx db.Q, actor access.Actor, list []NewPerson) error {
	scope := actor.Scope(access.PeopleImport)
	if scope.All {
		return nil
	}
	refs, err := RefsTx(ctx, tx)
	if err != nil {
		return err
	}
	for _, p := range list {
		if len(p.Appointments) == 0 {
			return fault.New(fault.Forbidden, "Укажите организацию вашего муниципалитета")
		}
		for _, a := range p.Appointments {
			if !scope.Covers(refs.Organisation(a.OrganisationID).TerritoryID, a.OrganisationID) {
				return fault.New(fault.Forbidden, "Эта организация не из вашего муниципалитета")
			}
		}
	}
	return nil
}

// addTeacher adds one person by hand with the role of a teacher, and returns the public id.
// Somebody of the same name in the same organisation is a Conflict: it is the same person.
func (s *Service) addTeacher(ctx context.Context, actor access.Actor, p NewPerson) (publicID string, err error) {
	if err := p.Name.Validate(); err != nil {
		return "", err
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if err := s.mayAppointTx(ctx, tx, actor, []NewPerson{p}); err != nil {
			return err
		}
		known, err := db.Get[bool](ctx, tx, `
			SELECT EXISTS (SELECT FROM identity i JOIN person p ON p.id = i.person_id JOIN appointment a ON a.person_id = p.id
			               WHERE i.match_key = $1 AND a.organisation_id = $2 AND a.ended_on IS NULL AND p.merged_into IS NULL)`,
			p.Name.key(), p.Appointments[0].OrganisationID)
		if err != nil {
			return fmt.Errorf("same name: %w", err)
		}
		if known {
			return fault.New(fault.Conflict, "В этой организации уже есть %s. Если это другой человек, загрузите его списком: там можно выбрать", p.Name.Full())
		}
		p.Grants = []access.Grant{{Role: access.Teacher}}
		ids, err := addPeopleTx(ctx, tx, actor, []NewPerson{p}, s.now())
		if err != nil {
			return err
		}
		if publicID, err = db.Get[string](ctx, tx, `SELECT public_id FROM person WHERE id = $1`, ids[0]); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "person.add", ObjectKind: "person", ObjectID: fmt.Sprint(ids[0]), Person: ids[0]})
	})
	return publicID, err
}
