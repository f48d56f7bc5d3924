package plan
import ("testing";"time";"fmt";"os")
func TestAlike(t *testing.T) {
	if os.Getenv("ALIKE")=="" { return }
	for _, k := range []int{1,2,10,50} { for _, n := range []int{40,200,1000,10000} {
	s := kinds["teachers alike"].shape
	s.teachers, s.seats = n, max(1, s.seats*n/60)
	p := random(uint64(n), s)
		for i := range p.Teachers {
			p.Teachers[i] = Teacher{ID: p.Teachers[i].ID, Deficits: p.Teachers[i%k].Deficits}
		}
	from := time.Now()
	a := checked(t, p)
	fmt.Printf("k %d n %d obj %.3f bound %.3f gap %.3f%% %v\n", k, n, a.Objective, a.Bound, 100*a.Gap, time.Since(from))
	}}
}
