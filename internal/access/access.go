// Package access says who is asking and what they may do, and where.
package access

import "slices"

// PersonID identifies a person in every package.
type PersonID int64

// Role is a part somebody plays; the same person may play several.
type Role string

// The roles of the centre and of those around it.
const (
	Teacher            Role = "teacher"
	Author             Role = "author"
	Reviewer           Role = "reviewer"
	Expert             Role = "expert"
	MunicipalMethodist Role = "municipal_methodist"
	Methodist          Role = "methodist"
	Coordinator        Role = "coordinator"
	Head               Role = "head"
	Analyst            Role = "analyst"
	Manager            Role = "manager"
	Admin              Role = "admin"
)

// Roles lists every role in the order people read them.
var Roles = []Role{Teacher, Author, Reviewer, Expert, MunicipalMethodist, Methodist, Coordinator, Head, Analyst, Manager, Admin}

var roleNames = map[Role]string{
	Teacher: "педагог", Author: "автор заданий", Reviewer: "рецензент", Expert: "эксперт",
	MunicipalMethodist: "муниципальный методист", Methodist: "региональный методист",
	Coordinator: "координатор муниципалитета", Head: "руководитель организации",
	Analyst: "аналитик", Manager: "руководитель ЦНППМ", Admin: "администратор",
}

// Name is the role in Russian, as people say it.
func (r Role) Name() string { return roleNames[r] }

// Grant is a role with its scope; a zero territory and organisation mean the whole region.
type Grant struct {
	Role         Role
	Territory    int64
	Organisation int64
}

// Permission is one thing that somebody may do; it stands on the route line.
type Permission string

// Permissions, by context.
const (
	CompetencyRead    Permission = "competency.read"
	CompetencyManage  Permission = "competency.manage"
	TasksRead         Permission = "tasks.read"
	TasksWrite        Permission = "tasks.write"
	TasksReview       Permission = "tasks.review"
	CampaignsRead     Permission = "campaigns.read"
	CampaignsManage   Permission = "campaigns.manage"
	ParticipationRead Permission = "participation.read"
	Mark              Permission = "marking.mark"
	MarkingManage     Permission = "marking.manage"
	ResultsPublish    Permission = "results.publish"
	QualityRead       Permission = "results.quality"
	PersonResults     Permission = "results.person"
	BankRead          Permission = "bank.read"
	BankPersons       Permission = "bank.persons"
	RoutesRead        Permission = "routes.read"
	RoutesManage      Permission = "routes.manage"
	ProgrammesRead    Permission = "programmes.read"
	ProgrammesManage  Permission = "programmes.manage"
	MemosRead         Permission = "memos.read"
	MemosWrite        Permission = "memos.write"
	RoadmapRead       Permission = "roadmap.read"
	RoadmapWrite      Permission = "roadmap.write"
	RoadmapReport     Permission = "roadmap.report"
	PeopleRead        Permission = "people.read"
	PeopleImport      Permission = "people.import"
	RolesManage       Permission = "roles.manage"
	JournalRead       Permission = "journal.read"
)

// rights is the whole policy: what each role may do within its scope.
var rights = map[Role][]Permission{
	Teacher:            {},
	Author:             {CompetencyRead, TasksRead, TasksWrite, RoadmapRead, ProgrammesRead},
	Reviewer:           {CompetencyRead, TasksRead, TasksReview, RoadmapRead, ProgrammesRead},
	Expert:             {Mark, RoadmapRead},
	MunicipalMethodist: {CampaignsRead, ParticipationRead, PersonResults, BankRead, BankPersons, RoutesRead, RoutesManage, ProgrammesRead, MemosRead, RoadmapRead, RoadmapReport},
	Methodist:          {CompetencyRead, CampaignsRead, ParticipationRead, PersonResults, BankRead, BankPersons, RoutesRead, RoutesManage, ProgrammesRead, ProgrammesManage, MemosRead, RoadmapRead, RoadmapWrite, RoadmapReport},
	Coordinator:        {CampaignsRead, ParticipationRead, BankRead, ProgrammesRead, MemosRead, RoadmapRead, RoadmapReport, PeopleRead, PeopleImport},
	Head:               {ParticipationRead, ProgrammesRead, RoadmapRead, PeopleRead},
	Analyst:            {CompetencyRead, TasksRead, CampaignsRead, QualityRead, BankRead, BankPersons, RoutesRead, ProgrammesRead, MemosRead, MemosWrite, RoadmapRead},
	Manager:            {CompetencyRead, CompetencyManage, TasksRead, CampaignsRead, CampaignsManage, ParticipationRead, MarkingManage, ResultsPublish, QualityRead, PersonResults, BankRead, BankPersons, RoutesRead, ProgrammesRead, ProgrammesManage, MemosRead, MemosWrite, RoadmapRead, RoadmapWrite, RoadmapReport, PeopleRead},
	Admin:              {PeopleRead, PeopleImport, RolesManage, JournalRead, RoadmapRead, ProgrammesRead},
}

// presence and results are the permissions that read records of persons: of the first kind only who was invited and
// how far they have come, of the second also what came of it. The others read none: an expert marks the works given
// to them, and the figures of a memo are frozen.
var (
	presence = []Permission{CampaignsRead, CampaignsManage, ParticipationRead}
	results  = []Permission{MarkingManage, ResultsPublish, QualityRead, PersonResults, BankRead, BankPersons, RoutesRead, RoutesManage, MemosWrite}
)

// Actor is the signed-in person a use case acts for.
type Actor struct {
	ID     PersonID
	Merged []PersonID // other records of the same person, merged into this one
	Grants []Grant
	system bool
}

// Own lists every record of the actor: what hangs on any of them is the actor's own.
func (a Actor) Own() []PersonID { return append([]PersonID{a.ID}, a.Merged...) }

// Is reports whether a record is one of the actor's own.
func (a Actor) Is(p PersonID) bool { return p == a.ID || slices.Contains(a.Merged, p) }

// System acts for the program itself: jobs, the deadline, the demonstration region.
var System = Actor{system: true}

// IsSystem reports whether the program itself acts.
func (a Actor) IsSystem() bool { return a.system }

// Has reports whether the actor plays role r anywhere.
func (a Actor) Has(r Role) bool {
	return slices.ContainsFunc(a.Grants, func(g Grant) bool { return g.Role == r })
}

// May reports whether the actor may do p anywhere at all.
func (a Actor) May(p Permission) bool {
	return a.system || slices.ContainsFunc(a.Grants, func(g Grant) bool { return slices.Contains(rights[g.Role], p) })
}

// Scope says where the actor may do p; it is empty where the actor may not.
func (a Actor) Scope(p Permission) Scope {
	if a.system {
		return Scope{All: true}
	}
	s := Scope{Territories: []int64{}, Organisations: []int64{}}
	for _, g := range a.Grants {
		switch {
		case !slices.Contains(rights[g.Role], p):
		case g.Organisation != 0:
			s.Organisations = append(s.Organisations, g.Organisation)
		case g.Territory != 0:
			s.Territories = append(s.Territories, g.Territory)
		default:
			s.All = true
		}
	}
	return s
}

// Reach is whose records an actor may come to at all, whatever a use case asks: the union of the scopes of everything
// their roles let them read. Their own records are beside it. The database holds every statement to it.
type Reach struct {
	Presence Scope // invitations and sittings; never less than Results
	Results  Scope // points, deficits, routes
}

// Reach is the widest that any role of the actor reads.
func (a Actor) Reach() Reach {
	over := func(list []Permission) Scope {
		s := Scope{All: a.system, Territories: []int64{}, Organisations: []int64{}}
		for _, p := range list {
			one := a.Scope(p)
			s.All = s.All || one.All
			s.Territories, s.Organisations = append(s.Territories, one.Territories...), append(s.Organisations, one.Organisations...)
		}
		slices.Sort(s.Territories)
		slices.Sort(s.Organisations)
		s.Territories, s.Organisations = slices.Compact(s.Territories), slices.Compact(s.Organisations)
		return s
	}
	return Reach{Presence: over(slices.Concat(presence, results)), Results: over(results)}
}

// Scope is where somebody may do something: everywhere, in territories, in organisations.
// The slices are never nil, so that they go into a query as they are.
type Scope struct {
	All           bool
	Territories   []int64
	Organisations []int64
}

// Covers reports whether an organisation of a territory lies in the scope.
func (s Scope) Covers(territory, organisation int64) bool {
	return s.All || slices.Contains(s.Territories, territory) || slices.Contains(s.Organisations, organisation)
}

// Empty reports whether nothing lies in the scope.
func (s Scope) Empty() bool { return !s.All && len(s.Territories) == 0 && len(s.Organisations) == 0 }
