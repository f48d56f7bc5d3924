package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lotsiya/lotsiya/content"
	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/postgres"
	"github.com/lotsiya/lotsiya/people"
)

// Teachers answer as fast as they can; the program, or it and its database, is killed
// under them; whatever had been acknowledged is held after the next start, which needs
// nobody's help, and the sitting goes on.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd, url := serving(t, dir)
	sitters := seated(t, dir, 12)
	for round, both := range []bool{false, true, true} {
		var work sync.WaitGroup
		var begun sync.WaitGroup
		for _, s := range sitters {
			s.url = url
			begun.Add(1)
			work.Go(func() { s.answer(begun.Done) })
		}
		begun.Wait() // each has had an answer acknowledged
		time.Sleep(time.Duration(300+170*round) * time.Millisecond)
		if both {
			syscall.Kill(firstLine(t, filepath.Join(dir, "data", "postmaster.pid")), syscall.SIGKILL)
		}
		cmd.Process.Kill()
		cmd.Wait()
		work.Wait()

		cmd, url = serving(t, dir)
		acknowledged := 0
		for _, s := range sitters {
			s.url = url
			acknowledged += s.compare()
		}
		if acknowledged < 2*len(sitters) {
			t.Errorf("round %d: only %d answers were acknowledged before the kill: nothing was tried", round, acknowledged)
		}
	}
	for _, s := range sitters {
		s.submit()
	}
	if status, out, err := said(t, "verify", "--data", dir); status != 0 || out != "" {
		t.Errorf("verify: %d, %q, %q", status, out, err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
}

// A sitter is one teacher at the API.
type sitter struct {
	t        *testing.T
	login    string
	url      string
	client   *http.Client
	attempt  string
	lease    string
	tasks    []string
	revision int64
	held     map[string]acknowledgement // by task: the last that was acknowledged
	count    int
}

type acknowledgement struct {
	revision int64
	answer   string
}

const sitterPassword = "парус-и-якорь-17"

// call returns the status and the answer; status 0 where the server is gone.
func (s *sitter) call(method, path string, body any) (int, map[string]any) {
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Error(err)
		return 0, nil
	}
	req, err := http.NewRequest(method, s.url+"/api/v1"+path, bytes.NewReader(b))
	if err != nil {
		s.t.Error(err)
		return 0, nil
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	var object map[string]any
	if json.Unmarshal(text, &object) != nil { // a list
		var list []map[string]any
		if json.Unmarshal(text, &list) == nil && len(list) > 0 {
			object = list[0]
		}
	}
	return resp.StatusCode, object
}

func (s *sitter) must(method, path string, body any) map[string]any {
	s.t.Helper()
	status, answer := s.call(method, path, body)
	if status != http.StatusOK {
		s.t.Errorf("%s: %s %s: %d %v", s.login, method, path, status, answer)
	}
	return answer
}

// answer signs in where that was not done, starts or resumes, and saves until the
// server is gone.
func (s *sitter) answer(begun func()) {
	once := sync.OnceFunc(begun)
	defer once()
	if s.attempt == "" {
		s.must("POST", "/session", map[string]string{"login": s.login, "password": sitterPassword})
		s.attempt, _ = s.must("GET", "/attempts", nil)["id"].(string)
		_, refusal := s.call("POST", "/attempts/"+s.attempt+"/start", struct{}{})
		s.must("POST", "/attempts/"+s.attempt+"/consent", map[string]any{"version": refusal["version"]})
	}
	started := s.must("POST", "/attempts/"+s.attempt+"/start", struct{}{})
	s.lease, _ = started["lease"].(string)
	s.tasks = nil
	list, _ := started["tasks"].([]any)
	for _, item := range list {
		if task, _ := item.(map[string]any); task["kind"] == "short_answer" || task["kind"] == "numeric" || task["kind"] == "extended" {
			s.tasks = append(s.tasks, task["id"].(string))
		}
	}
	if len(s.tasks) == 0 {
		s.t.Errorf("%s: no task to write an answer to", s.login)
		return
	}
	for {
		s.revision++
		task, text := s.tasks[int(s.revision)%len(s.tasks)], fmt.Sprint(s.revision)
		status, _ := s.call("PUT", "/attempts/"+s.attempt+"/answers/"+task, map[string]any{"lease": s.lease, "revision": s.revision, "answer": text})
		if status != http.StatusOK {
			if status != 0 && status < 500 {
				s.t.Errorf("%s: saving: %d", s.login, status)
			}
			return
		}
		s.held[task] = acknowledgement{s.revision, text}
		s.count++
		once()
	}
}

// compare asks for what is held and returns how many answers were acknowledged so far.
func (s *sitter) compare() int {
	s.t.Helper()
	answers, _ := s.must("GET", "/attempts/"+s.attempt, nil)["answers"].(map[string]any)
	for task, want := range s.held {
		got, _ := answers[task].(map[string]any)
		revision, _ := got["revision"].(float64)
		// One more may have become durable while its acknowledgement was lost with the server.
		if int64(revision) < want.revision || int64(revision) == want.revision && got["answer"] != want.answer {
			s.t.Errorf("%s, %s: revision %d %q was acknowledged, held is %v", s.login, task, want.revision, want.answer, got)
		}
	}
	return s.count
}

func (s *sitter) submit() {
	s.t.Helper()
	s.lease, _ = s.must("POST", "/attempts/"+s.attempt+"/start", struct{}{})["lease"].(string)
	done := s.must("POST", "/attempts/"+s.attempt+"/submit", map[string]string{"lease": s.lease})
	if n, _ := done["answers"].(float64); int(n) < len(s.held) {
		s.t.Errorf("%s: %v answers handed in, %d were acknowledged", s.login, done["answers"], len(s.held))
	}
}

// seated makes, through the use cases and beside the running server, a school of n
// teachers who are invited to an open campaign.
func seated(t *testing.T, dir string, n int) []*sitter {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	cluster, err := postgres.Open(ctx, postgres.Options{Dir: dir, GivenByHand: true, Share: true, Existing: true, Notices: os.Stderr})
	must(err)
	pool, err := db.Open(ctx, cluster.DSN(postgres.App, postgres.Database), 4)
	must(err)
	defer pool.Close()

	folk := people.New(pool, time.Now)
	must(folk.EnsureReference(ctx))
	var territory int64
	must(pool.GetContext(ctx, &territory, `SELECT min(id) FROM territory`))
	schools, err := folk.AddOrganisations(ctx, access.System, []people.NewOrganisation{{TerritoryID: territory, Kind: "school", Name: "Школа № 1", ShortName: "Школа № 1"}})
	must(err)
	hash, err := people.HashPassword(sitterPassword)
	must(err)
	staff := []people.NewPerson{
		{Name: people.Name{Family: "Авторова", Given: "Анна"}, Grants: []access.Grant{{Role: access.Author}}},
		{Name: people.Name{Family: "Рецензентова", Given: "Рита"}, Grants: []access.Grant{{Role: access.Reviewer}}},
		{Name: people.Name{Family: "Главная", Given: "Галина"}, Grants: []access.Grant{{Role: access.Manager}}},
	}
	sitters := make([]*sitter, n)
	for i := range sitters {
		jar, err := cookiejar.New(nil)
		must(err)
		sitters[i] = &sitter{t: t, login: fmt.Sprintf("teacher%02d", i+1), client: &http.Client{Jar: jar, Timeout: 30 * time.Second}, held: map[string]acknowledgement{}}
		staff = append(staff, people.NewPerson{Name: people.Name{Family: "Учитель", Given: "Мария"}, Login: sitters[i].login, PasswordHash: hash,
			Appointments: []people.NewAppointment{{OrganisationID: schools[0], Position: "teacher", Subject: "math", StartedOn: time.Now().AddDate(-1, 0, 0)}},
			Grants:       []access.Grant{{Role: access.Teacher}}})
	}
	ids, err := folk.AddPeople(ctx, access.System, staff)
	must(err)
	actor := func(i int) access.Actor { return access.Actor{ID: ids[i], Grants: staff[i].Grants} }

	file, err := content.Instrument(content.MathTeacher)
	must(err)
	in, err := assembly.New(pool, time.Now, bank.New(pool, time.Now)).ImportInstrument(ctx, actor(0), actor(1), file)
	must(err)
	campaigns := campaign.New(pool, time.Now)
	campaigns.OnInvited(sitting.New(pool, time.Now).AssignTx)
	id, err := campaigns.Create(ctx, actor(2), campaign.NewCampaign{Title: "Математика", InstrumentID: in.InstrumentID, SpecificationID: in.SpecificationID,
		ScaleID: in.ScaleID, Variants: []int64{in.VariantID}, OpensAt: time.Now().Add(-time.Hour), ClosesAt: time.Now().Add(48 * time.Hour), Minutes: 60})
	must(err)
	invited, err := campaigns.Invite(ctx, actor(2), id, campaign.Choice{All: true})
	must(err)
	if invited != n {
		t.Fatalf("%d invited of %d", invited, n)
	}
	must(campaigns.Open(context.WithoutCancel(ctx), actor(2), id))
	return sitters
}
