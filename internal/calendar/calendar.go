// Package calendar knows the installation's zone and the years people count by.
package calendar

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zone is there on a machine without zoneinfo
)

// Zone is the one zone of the installation.
var Zone = func() *time.Location {
	z, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		panic(err) // tzdata is embedded: cannot happen
	}
	return z
}()

// Day is the date of t in the zone, as a time at midnight UTC: the form in which dates go to the database.
func Day(t time.Time) time.Time {
	y, m, d := t.In(Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// SchoolYear is the school year of t, named by its first calendar year: it begins on 1 September.
func SchoolYear(t time.Time) int {
	t = t.In(Zone)
	if t.Month() >= time.September {
		return t.Year()
	}
	return t.Year() - 1
}

var genitive = [...]string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"}
var nominative = [...]string{"январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"}

// Date is "21 ноября 2026".
func Date(t time.Time) string {
	t = local(t)
	return fmt.Sprintf("%d\u00a0%s\u00a0%d", t.Day(), genitive[t.Month()-1], t.Year())
}

// DayMonth is "21 ноября".
func DayMonth(t time.Time) string {
	t = local(t)
	return fmt.Sprintf("%d\u00a0%s", t.Day(), genitive[t.Month()-1])
}

// Month is "ноябрь 2026".
func Month(t time.Time) string {
	t = local(t)
	return fmt.Sprintf("%s\u00a0%d", nominative[t.Month()-1], t.Year())
}

// DateTime is "21 ноября 2026, 12:03".
func DateTime(t time.Time) string { return Date(t) + ", " + t.In(Zone).Format("15:04") }

// local leaves a plain date (midnight UTC, as the database gives it) on its own day.
func local(t time.Time) time.Time {
	if u := t.UTC(); u.Hour() == 0 && u.Minute() == 0 && u.Second() == 0 && u.Nanosecond() == 0 {
		return u
	}
	return t.In(Zone)
}
