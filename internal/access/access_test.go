package access

import (
	"reflect"
	"slices"
	"testing"
)

func TestReach(t *testing.T) {
	t.Parallel()
	none := Scope{Territories: []int64{}, Organisations: []int64{}}
	place := func(territories, organisations []int64) Scope {
		return Scope{Territories: territories, Organisations: organisations}
	}
	all := Scope{All: true, Territories: []int64{}, Organisations: []int64{}}
	for name, c := range map[string]struct {
		actor Actor
		want  Reach
	}{
		"nobody":             {Actor{}, Reach{none, none}},
		"the program":        {System, Reach{all, all}},
		"teacher":            {Actor{ID: 1, Grants: []Grant{{Role: Teacher}}}, Reach{none, none}},
		"expert":             {Actor{ID: 1, Grants: []Grant{{Role: Expert}}}, Reach{none, none}},
		"author, reviewer":   {Actor{ID: 1, Grants: []Grant{{Role: Author}, {Role: Reviewer}}}, Reach{none, none}},
		"administrator":      {Actor{ID: 1, Grants: []Grant{{Role: Admin}}}, Reach{none, none}},
		"head":               {Actor{ID: 1, Grants: []Grant{{Role: Head, Organisation: 7}}}, Reach{place([]int64{}, []int64{7}), none}},
		"coordinator":        {Actor{ID: 1, Grants: []Grant{{Role: Coordinator, Territory: 3}}}, Reach{place([]int64{3}, []int64{}), place([]int64{3}, []int64{})}},
		"two municipalities": {Actor{ID: 1, Grants: []Grant{{Role: MunicipalMethodist, Territory: 5}, {Role: Coordinator, Territory: 3}, {Role: Head, Organisation: 7}}}, Reach{place([]int64{3, 5}, []int64{7}), place([]int64{3, 5}, []int64{})}},
		"analyst":            {Actor{ID: 1, Grants: []Grant{{Role: Analyst}}}, Reach{all, all}},
		"manager":            {Actor{ID: 1, Grants: []Grant{{Role: Manager}}}, Reach{all, all}},
		"head and methodist": {Actor{ID: 1, Grants: []Grant{{Role: Head, Organisation: 7}, {Role: Methodist}}}, Reach{Scope{true, []int64{}, []int64{7}}, all}},
	} {
		if got := c.actor.Reach(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s reaches %+v, want %+v", name, got, c.want)
		}
	}
}

// Whoever adds a permission says whether it reads records of persons: the walls of the database follow from it.
func TestEveryPermissionSaysWhatItReads(t *testing.T) {
	t.Parallel()
	nobody := []Permission{CompetencyRead, CompetencyManage, TasksRead, TasksWrite, TasksReview, Mark, ProgrammesRead, ProgrammesManage, MemosRead,
		RoadmapRead, RoadmapWrite, RoadmapReport, PeopleRead, PeopleImport, RolesManage, JournalRead}
	for role, list := range rights {
		for _, p := range list {
			n := 0
			for _, kind := range [][]Permission{nobody, presence, results} {
				if slices.Contains(kind, p) {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s of %s stands in %d of the lists", p, role, n)
			}
		}
	}
}
