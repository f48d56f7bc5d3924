package parse

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"reflect"
	"strings"
	"testing"
)

const (
	region    = "testdata/region-2023.txt"
	priozersk = "testdata/priozersk-2024.txt"
)

func source(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func parsed(t testing.TB, name, text string) Plan {
	t.Helper()
	p, err := File(name, strings.NewReader(text), 0)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

// The terms and organisations of both plans, read off the documents by eye:
// item | term as written | kind | organisations.
const regionItems = `
1.1 | Январь-февраль | month_range | КОПО ЛО
1.2 | Январь | month | КОПО ЛО; ОМСУ
1.3 | Январь-май | month_range | КОПО ЛО; ЦНППМ
1.4 | 1, 2 полугодие | half_years | КОПО ЛО; ЦНППМ
1.5 | 1 полугодие | half_years | ЦНППМ
1.6 | Ежемесячно | monthly | ЦНППМ; РМЦ
1.7 | В соответствии с планами реализации проектов | other_plan | ЦНППМ; РНМЦ СПО
1.8 | Ежегодно (ноябрь-декабрь) | yearly | ЦНППМ
2.1 | В течение года (по отдельному плану) | all_year | ГАОУ ДПО «ЛОИРО»
2.2 | В течение года (по отдельному плану) | all_year | РНМЦ СПО
2.3 | 1 полугодие | half_years | ГАОУ ДПО «ЛОИРО»
2.4 | В течение года (по отдельному плану) | all_year | ЦНППМ
2.5 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»; ММС; РНМЦР СПО
2.6 | В течение года | all_year | Субъекты РС НМС
2.7 | Постоянно | continuous | ЦНППМ
3.1 | Январь-март | month_range | КОПО ЛО; ОМСУ
3.2 | Январь-май | month_range | ОМСУ
3.3 | Апрель, октябрь, декабрь | month_list | РМЦ
3.4 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»
3.5 | В течение года | all_year | РМЦ
3.6 | В течение года | all_year | КОПО ЛО; ОМСУ; РМЦ; ММС
4.1 | Январь-май | month_range | РМЦ
4.2 | Май | month | РМЦ; РНМЦ СПО
4.3 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»
4.4 | Первое полугодие | half_years | ОМСУ; ММС; ГАОУ ДПО «ЛОИРО»
4.5 | Апрель, Октябрь | month_list | РМЦ
4.6 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»
4.7 | В течение года | all_year | КОПО ЛО; ОМСУ; ГАОУ ДПО «ЛОИРО»
4.8 | В течение года | all_year | КОПО ЛО; ОМСУ; ГАОУ ДПО «ЛОИРО»; ММС
5.1 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»; ЦНППМ
5.2 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»; ЦНППМ
5.3 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»; ОМСУ; ММС
5.4 | Постоянно | continuous | ГАОУ ДПО «ЛОИРО»; ЦНППМ
5.5 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»
5.6 | В течение года | all_year | ЦНППМ
5.7 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»
5.8 | В течение года | all_year | ЦНППМ
5.9 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»; РНМЦ СПО
5.10 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»; РНМЦ СПО
5.11 | Ноябрь-декабрь | month_range | ЦНППМ
6.1 | Постоянно | continuous | КОПО ЛО; ОМСУ; ГАОУ ДПО «ЛОИРО»
6.2 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»
6.3 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»; ЦНППМ
6.4 | Постоянно | continuous | КОПО ЛО; ОМСУ; ГАОУ ДПО «ЛОИРО»; ЦНППМ
6.5 | Январь-июнь | month_range | ГАОУ ДПО «ЛОИРО»
6.6 | В течение года | all_year | ГАОУ ДПО «ЛОИРО»`

const priozerskItems = `
1.1 | Январь | month | КО; ИМО Центра «Омега»
1.2 | Январь | month | КО
1.3 | 1, 2 полугодие | half_years | КО; ИМО Центра «Омега»
1.4 | 1, 2 полугодие | half_years | КО; ИМО Центра «Омега»
1.5 | Ежемесячно | monthly | КО; ИМО Центра «Омега»
1.6 | Ежегодно (ноябрь-декабрь) | yearly | КО; ИМО Центра «Омега»
2.1 | В течение года (по отдельному плану) | all_year | КО; ИМО Центра «Омега»
2.2 | В течение года | all_year | КО; ИМО Центра «Омега»
3.1 | Январь-март | month_range | МОУ; КО; ИМО Центра «Омега»
3.2 | Январь-май | month_range | МОУ; КО; ИМО Центра «Омега»
3.3 | февраль, октябрь, декабрь | month_list | КО; ИМО Центра «Омега»
3.4 | В течение года | all_year | ИМО Центра «Омега»
3.5 | В течение года | all_year | КО; ИМО Центра «Омега»
4.1 | Январь | month | МОУ
4.2 | Август - сентябрь | month_range | МОУ
4.3 | сентябрь | month | МОУ
4.4 | октябрь | month | МОУ
4.5 | В течение года | all_year | МОУ
4.6 | В течение года | all_year | МОУ
4.7 | В течение года | all_year | МОУ
5.1 | В течение года | all_year | МОУ; ИМО Центра «Омега»
5.2 | В течение года | all_year | МОУ; ИМО Центра «Омега»
5.3 | В течение года | all_year | МОУ; ИМО Центра «Омега»
6.1 | Постоянно | continuous | КО; ИМО Центра «Омега»
6.2 | В течение года | all_year | КО; ИМО Центра «Омега»
6.3 | В течение года | all_year | КО; ИМО Центра «Омега»
6.4 | Постоянно | continuous | КО; МОУ; ИМО Центра «Омега»
6.5 | Январь-июнь | month_range | КО; ИМО Центра «Омега»
6.6 | В течение года | all_year | КО; ИМО Центра «Омега»; МОУ`

func table(p Plan) string {
	var b strings.Builder
	for _, s := range p.Sections {
		for _, i := range s.Items {
			fmt.Fprintf(&b, "\n%s | %s | %s | %s", i.Number, i.Term.Text, i.Term.Kind, strings.Join(i.Responsible, "; "))
		}
	}
	return b.String()
}

func diff(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := 0; i < max(len(g), len(w)); i++ {
		a, b := "(nothing)", "(nothing)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			t.Errorf("got  %s\nwant %s", a, b)
		}
	}
}

func TestBothPlansWhole(t *testing.T) {
	for _, c := range []struct {
		file, items string
		sections    []int
		year        int
		title       string
		byCount     map[int]int // how many items have so many organisations
		mentions    map[string]int
	}{
		{region, regionItems, []int{8, 7, 6, 8, 11, 6}, 2023,
			"План мероприятий («дорожная карта») по развитию региональной системы научно-методического сопровождения педагогических работников и управленческих кадров Ленинградской области в 2023 году",
			map[int]int{1: 25, 2: 13, 3: 5, 4: 3},
			map[string]int{"ГАОУ ДПО «ЛОИРО»": 23, "ЦНППМ": 16, "КОПО ЛО": 10, "ОМСУ": 10, "РМЦ": 7, "РНМЦ СПО": 5, "РНМЦР СПО": 1, "ММС": 5, "Субъекты РС НМС": 1}},
		{priozersk, priozerskItems, []int{6, 2, 5, 7, 3, 6}, 2024,
			"План мероприятий («дорожная карта») по развитию муниципальной системы методического сопровождения педагогических работников и управленческих кадров муниципальных образовательных учреждений, реализующих образовательную программу дошкольного образования (МОУ), Приозерского муниципального района Ленинградской области в 2024 году",
			map[int]int{1: 9, 2: 16, 3: 4},
			map[string]int{"ИМО Центра «Омега»": 21, "КО": 18, "МОУ": 14}},
	} {
		t.Run(c.file, func(t *testing.T) {
			p := parsed(t, c.file, source(t, c.file))
			diff(t, table(p), c.items)
			var sections []int
			byCount, mentions := map[int]int{}, map[string]int{}
			for n, s := range p.Sections {
				sections = append(sections, len(s.Items))
				if s.Number != fmt.Sprint(n+1) {
					t.Errorf("section %d is numbered %s", n+1, s.Number)
				}
				for _, i := range s.Items {
					byCount[len(i.Responsible)]++
					for _, r := range i.Responsible {
						mentions[r]++
					}
				}
			}
			if !reflect.DeepEqual(sections, c.sections) {
				t.Errorf("items a section: %v, want %v", sections, c.sections)
			}
			if p.Year != c.year || p.Title != c.title {
				t.Errorf("year %d, title %q", p.Year, p.Title)
			}
			if !reflect.DeepEqual(byCount, c.byCount) {
				t.Errorf("items by number of organisations: %v, want %v", byCount, c.byCount)
			}
			if !reflect.DeepEqual(mentions, c.mentions) {
				t.Errorf("mentions: %v, want %v", mentions, c.mentions)
			}
		})
	}
}

func TestApproval(t *testing.T) {
	if a := parsed(t, region, source(t, region)).Approved; a != nil {
		t.Errorf("blank form approved: %v", a)
	}
	want := &Approval{"2056-р", "2023-12-29"}
	if a := parsed(t, priozersk, source(t, priozersk)).Approved; !reflect.DeepEqual(a, want) {
		t.Errorf("approved: %v, want %v", a, want)
	}
	filled := strings.Replace(source(t, region), "от _________________ № __________", "от 12 мая 2023 года № 1184-р", 1)
	want = &Approval{"1184-р", "2023-05-12"}
	if a := parsed(t, region, filled).Approved; !reflect.DeepEqual(a, want) {
		t.Errorf("approved: %v, want %v", a, want)
	}
}

// TestTitles holds the titles that the page breaks, lists and broken rows touch.
func TestTitles(t *testing.T) {
	for file, want := range map[string]map[string]string{
		region: {
			"1.5": "Подготовка адресных рекомендаций, в том числе для принятия управленческих решений, по результатам мониторинга эффективности РС НМС, отдельных субъектов РС НМС.",
			"2.3": "Создание и организация деятельности Регионального методического центра, являющегося структурным подразделением ГАОУ ДПО «ЛОИРО»: подготовка нормативных и организационно-методических документов, плана мероприятий (дорожная карта) и др.",
			"2.7": "Координация деятельности, организация сетевого взаимодействия и интеграция ресурсов субъектов РС НМС.",
			"3.3": "Проведение семинаров в online и offline режимах для руководителей муниципальных методических служб по вопросам развития методической работы и непрерывного профессионального развития педагогов в контексте развития РС НМС на муниципальном уровне:\n• «Муниципальные методические службы: современный вектор изменений»,\n• «Фасилитация профессионального развития педагогов: возможности муниципальных методических служб»,\n• «Обеспечение непрерывного профессионального развития педагогов на муниципальном уровне»,\n• «Организация деятельности муниципальных методических объединений».",
			"4.3": "Разработка и реализация адресных дополнительных профессиональных программ повышения квалификации для команд образовательных организаций по вопросам совершенствования методической работы на институциональном уровне в контексте развития РС НМС",
			"5.3": "Организация участия педагогических работников Ленинградской области в оценке предметных и методических компетенций, выявлении профессиональных дефицитов",
			"5.9": "Организация деятельности по совершенствованию профессиональных компетенций педагогических работников.",
			"6.3": "Ведение региональных баз данных:\n• база данных дополнительных профессиональных программ\n• реестр профессиональных педагогических сообществ\n• база успешных педагогических практик;\n• реестр стажировочных площадок;\n• единая региональная информационная база наставников",
			"6.6": "Проведение мероприятий по обобщению и распространению лучшего регионального, муниципального и институционального опыта методической работы, непрерывного профессионального развития педагогических работников и управленческих кадров, педагогических практик наставничества, сопровождения педагогов и др.",
		},
		priozersk: {
			"2.1": "Организация деятельности районного методического совета (РМС): подготовка нормативных и организационно-методических документов, проведение ежеквартальных заседаний.",
			"4.2": "Разработка плана (графика) повышения квалификации педагогических работников на учебный год)",
		},
	} {
		got := map[string]string{}
		for _, s := range parsed(t, file, source(t, file)).Sections {
			for _, i := range s.Items {
				got[i.Number] = i.Title
			}
		}
		for n, title := range want {
			if got[n] != title {
				t.Errorf("%s %s:\ngot  %q\nwant %q", file, n, got[n], title)
			}
		}
	}
}

func TestSlipIsKeptAndNoticed(t *testing.T) {
	p := parsed(t, "plan.txt", source(t, region))
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "РНМЦР СПО") || !strings.HasPrefix(p.Warnings[0], "plan.txt:447: ") {
		t.Errorf("warnings: %q", p.Warnings)
	}
}

// TestOtherForms reads the same plans as they may also come: the result does not
// depend on line ends, blank lines, page marks, Markdown, Word or a workbook.
func TestOtherForms(t *testing.T) {
	a, b := source(t, region), source(t, priozersk)
	var tight []string
	for _, l := range strings.Split(a, "\n") {
		if strings.TrimSpace(l) != "" {
			tight = append(tight, l)
		}
	}
	var md []string
	for _, l := range strings.Split(b, "\n") {
		if strings.Contains(l, "\t") {
			l = "| " + strings.ReplaceAll(l, "\t", " | ") + " |"
			if strings.Contains(l, "Наименование") {
				l += "\n|---|---|:--|---|"
			}
		}
		md = append(md, l)
	}
	planA, planB := parsed(t, "a", a), parsed(t, "b", b)
	for name, c := range map[string]struct {
		data string
		want Plan
	}{
		"crlf":        {strings.ReplaceAll(a, "\n", "\r\n"), planA},
		"bom":         {"\ufeff" + b, planB},
		"form feed":   {strings.ReplaceAll(a, "\n\n\n\n", "\n\f\n"), planA},
		"page number": {strings.ReplaceAll(a, "\n\n\n\n", "\n\n\n\n7\n\n\n\n"), planA},
		"heading again": {strings.ReplaceAll(a, "\n\n\n\nтом числе", "\n\n\n\n№ Наименование мероприятия Сроки Ответственный \n\nисполнитель \n\nтом числе"),
			planA},
		"no blank lines": {strings.Join(tight, "\n"), planA},
		"markdown":       {strings.Join(md, "\n"), planB},
		"signature":      {b + "\n\nГлавный специалист комитета\n\nЕ.Ю. Тейковцева\n", planB},
		"docx":           {docx(planB), planB},
		"docx a":         {docx(planA), planA},
		"docx flow":      {docxLines(a), planA},
		"xlsx":           {xlsx(planB), planB},
		"xlsx a":         {xlsx(planA), planA},
	} {
		t.Run(name, func(t *testing.T) {
			got := parsed(t, "p", c.data)
			if strings.HasPrefix(name, "docx") || strings.HasPrefix(name, "xlsx") {
				got.Approved = c.want.Approved // the short forms made here carry no act
			}
			got.Warnings = c.want.Warnings // places differ
			x, _ := json.MarshalIndent(got, "", " ")
			y, _ := json.MarshalIndent(c.want, "", " ")
			diff(t, string(x), string(y))
		})
	}
}

func TestFaults(t *testing.T) {
	a, b := source(t, region), source(t, priozersk)
	lineOf := func(text, part string) int {
		return 1 + strings.Count(text[:strings.Index(text, part)], "\n")
	}
	for name, c := range map[string]struct {
		text, want string
	}{
		"empty":            {" \n\n", "p: файл пуст"},
		"no table":         {"Просто письмо\nбез таблицы", "p: таблица плана не найдена"},
		"pdf":              {"%PDF-1.7", "p: файл PDF не читается"},
		"binary":           {"ab\n\x00", "p:2: это не текст"},
		"cp1251":           {"\n\xcf\xeb\xe0\xed", "p:2: текст не в кодировке UTF-8"},
		"broken zip":       {"PK\x03\x04abc", "p: файл повреждён"},
		"no year":          {strings.ReplaceAll(b, "в 2024 году", ""), "p:30: в названии плана нет года"},
		"term lost":        {strings.Replace(b, "СМС в МОУ\tЯнварь\tКО", "СМС в МОУ\t\tКО", 1), fmt.Sprintf("p:%d: у пункта 1.2 нет срока", lineOf(b, "1.2.\t"))},
		"term unknown":     {strings.Replace(b, "\tАвгуст - сентябрь\t", "\tкогда получится\t", 1), fmt.Sprintf("p:%d: срок «когда получится» пункта 4.2 непонятен", lineOf(b, "4.2.\t"))},
		"nobody":           {strings.Replace(b, "\tоктябрь\tМОУ", "\tоктябрь\t", 1), fmt.Sprintf("p:%d: у пункта 4.4 нет ответственного", lineOf(b, "4.4.\t"))},
		"twice":            {strings.Replace(b, "\n4.4.\t", "\n4.3.\t", 1), fmt.Sprintf("p:%d: пункт 4.3 стоит после пункта 4.3", lineOf(b, "4.4.\t"))},
		"wrong section":    {strings.Replace(b, "\n4.4.\t", "\n5.4.\t", 1), fmt.Sprintf("p:%d: пункт 5.4 стоит в разделе 4", lineOf(b, "4.4.\t"))},
		"number lost":      {strings.Replace(b, "\n4.4.\t", "\nx\t", 1), fmt.Sprintf("p:%d: у строки «x Введение", lineOf(b, "4.4.\t"))},
		"flow term lost":   {strings.Replace(a, "Май РМЦ", "РМЦ", 1), fmt.Sprintf("p:%d: у пункта 4.2 нет срока", lineOf(a, "4.2. "))},
		"flow nobody":      {strings.Replace(a, "Ноябрь-\n\nдекабрь \n\nЦНППМ", "Ноябрь-\n\nдекабрь ", 1), fmt.Sprintf("p:%d: у пункта 5.11 нет ответственного", lineOf(a, "5.11. "))},
		"flow twice":       {strings.Replace(a, "\n4.4. ", "\n4.3. ", 1), fmt.Sprintf("p:%d: пункт 4.3 стоит после пункта 4.3", lineOf(a, "4.4. "))},
		"flow no section":  {strings.Replace(a, "\n3. Развитие", "\nРазвитие", 1), fmt.Sprintf("p:%d: пункт 3.1 стоит в разделе 2", lineOf(a, "3.1. "))},
		"flow headless":    {a[strings.Index(a, "1.1. "):], "p: таблица плана не найдена"},
		"only the heading": {b[:strings.Index(b, "<b>1.")], "p: в плане нет ни одного пункта"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := File("p", strings.NewReader(c.text), 0)
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("error %v", err)
			}
			if !reflect.DeepEqual(p, Plan{}) {
				t.Error("something partial came back")
			}
			for _, f := range faults {
				if strings.HasPrefix(f.Error(), c.want) {
					if f.Expected == "" {
						t.Error("no word on what was expected")
					}
					return
				}
			}
			t.Errorf("want %q in\n%v", c.want, err)
		})
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	b := source(t, priozersk)
	b = strings.Replace(b, "\tоктябрь\t", "\tпотом\t", 1)
	b = strings.Replace(b, "\tсентябрь\tМОУ", "\tсентябрь\t", 1)
	_, err := File("p", strings.NewReader(b), 0)
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want two lines, got %v", err)
	}
}

func TestYear(t *testing.T) {
	p, err := File("p", strings.NewReader(source(t, priozersk)), 2026)
	if err != nil || p.Year != 2026 || len(p.Warnings) != 1 {
		t.Fatalf("%v %d %q", err, p.Year, p.Warnings)
	}
	if got := p.Sections[0].Items[0].Term.Periods[0]; got != (Period{"2026-01-01", "2026-01-31"}) {
		t.Errorf("period %v", got)
	}
	if _, err := File("p", strings.NewReader(""), 12); err == nil {
		t.Error("the year 12 was taken")
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	out, err := json.Marshal(parsed(t, "b", source(t, priozersk)))
	if err != nil || bytes.Contains(out, []byte("null")) || !bytes.Contains(out, []byte(`"warnings":[]`)) {
		t.Errorf("%v %.200s", err, out)
	}
	out, _ = json.Marshal(parsed(t, "a", source(t, region)))
	if !bytes.Contains(out, []byte(`"approved":null`)) || !bytes.Contains(out, []byte(`"periods":[]`)) {
		t.Errorf("%.200s", out)
	}
}

// TestBomb opens packs that would unpack into far more than a plan may be: such that
// say so, and such that claim to be small.
func TestBomb(t *testing.T) {
	text := append([]byte("<w:document xmlns:w=\"w\"><w:body>"), bytes.Repeat([]byte("<w:p>а</w:p>"+strings.Repeat(" ", 1000)), 50_000)...)
	var packed bytes.Buffer
	f, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(text)
	f.Close()
	for part, other := range map[string]string{"word/document.xml": "", "xl/sharedStrings.xml": "xl/workbook.xml"} {
		for size, want := range map[uint64]string{uint64(len(text)): "больше 48 МБ", 1000: "повреждён"} {
			var b bytes.Buffer
			z := zip.NewWriter(&b)
			w, err := z.CreateRaw(&zip.FileHeader{Name: part, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(text),
				CompressedSize64: uint64(packed.Len()), UncompressedSize64: size})
			if err != nil {
				t.Fatal(err)
			}
			w.Write(packed.Bytes())
			if other != "" {
				w, _ = z.Create(other)
				w.Write([]byte("<workbook/>"))
			}
			z.Close()
			_, err = File("p.zip", &b, 0)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s of %d bytes: %v", part, size, err)
			}
		}
	}
}

func TestTerms(t *testing.T) {
	for text, want := range map[string]string{
		"Январь":                    "month 2024-01-01..2024-01-31",
		"в феврале":                 "month 2024-02-01..2024-02-29",
		"май 2025 г.":               "month 2025-05-01..2025-05-31",
		"до 15 мая":                 "month 2024-05-01..2024-05-15",
		"до 01.09.2024":             "month 2024-09-01..2024-09-01",
		"Август - сентябрь":         "month_range 2024-08-01..2024-09-30",
		"с января по март":          "month_range 2024-01-01..2024-03-31",
		"ноябрь–февраль":            "month_range 2024-11-01..2025-02-28",
		"Апрель, Октябрь":           "month_list 2024-04-01..2024-04-30 2024-10-01..2024-10-31",
		"март и июнь-июль":          "month_list 2024-03-01..2024-03-31 2024-06-01..2024-07-31",
		"I квартал":                 "month_range 2024-01-01..2024-03-31",
		"1, 3 квартал":              "month_list 2024-01-01..2024-03-31 2024-07-01..2024-09-30",
		"Первое полугодие":          "half_years 2024-01-01..2024-06-30",
		"1-2 полугодие":             "half_years 2024-01-01..2024-06-30 2024-07-01..2024-12-31",
		"во втором полугодии":       "half_years 2024-07-01..2024-12-31",
		"в первом полугодии":        "half_years 2024-01-01..2024-06-30",
		"В течение года":            "all_year 2024-01-01..2024-12-31",
		"в течение учебного года":   "all_year 2024-01-01..2024-05-31 2024-09-01..2024-12-31",
		"в течение 2025 года":       "all_year 2025-01-01..2025-12-31",
		"Постоянно":                 "continuous 2024-01-01..2024-12-31",
		"По мере необходимости":     "continuous 2024-01-01..2024-12-31",
		"ежеквартально":             "quarterly 2024-01-01..2024-03-31 2024-04-01..2024-06-30 2024-07-01..2024-09-30 2024-10-01..2024-12-31",
		"Ежегодно":                  "yearly 2024-01-01..2024-12-31",
		"Ежегодно (ноябрь-декабрь)": "yearly 2024-11-01..2024-12-31",
		"по отдельному плану":       "other_plan",
		"по графику":                "other_plan",
		"когда-нибудь":              "",
		"полугодие":                 "",
		"в":                         "",
		"Январь-":                   "",
	} {
		term, ok := ReadTerm(text, 2024)
		got := ""
		if ok {
			got = string(term.Kind)
			for _, p := range term.Periods {
				got += fmt.Sprintf(" %s..%s", p.From, p.To)
			}
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzFile(f *testing.F) {
	a, b := source(f, region), source(f, priozersk)
	f.Add([]byte(a[strings.Index(a, "План мероприятий («дорожная карта»)  "):strings.Index(a, "\n2. Развитие")]))
	f.Add([]byte(b[strings.Index(b, "**План"):strings.Index(b, "<b>3.")]))
	small := parsed(f, "b", b)
	small.Sections = small.Sections[:2]
	f.Add([]byte(docx(small)))
	f.Add([]byte(xlsx(small)))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := File("f", bytes.NewReader(data), 2024)
		if err != nil {
			if !reflect.DeepEqual(p, Plan{}) {
				t.Fatal("partial plan beside an error")
			}
			return
		}
		if p.Items() == 0 || p.Title == "" {
			t.Fatalf("an empty plan was taken: %+v", p)
		}
		for _, s := range p.Sections {
			for _, i := range s.Items {
				if i.Title == "" || i.Term.Text == "" || i.Term.Periods == nil || len(i.Responsible) == 0 {
					t.Fatalf("a hollow item was taken: %+v", i)
				}
			}
		}
	})
}

func pack2(parts ...string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, _ := z.Create(parts[i])
		w.Write([]byte(parts[i+1]))
	}
	z.Close()
	return b.String()
}

func esc(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

func para(s string) string {
	var b strings.Builder
	for _, l := range strings.Split(s, "\n") {
		fmt.Fprintf(&b, `<w:p><w:r><w:t xml:space="preserve">%s</w:t></w:r></w:p>`, esc(l))
	}
	return b.String()
}

func docxLines(text string) string {
	return pack2("word/document.xml", `<w:document xmlns:w="w"><w:body>`+para(text)+`</w:body></w:document>`)
}

// docx writes a plan as Word does: a table, section rows merged across, lists as
// paragraphs, the organisations a paragraph each.
func docx(p Plan) string {
	var b strings.Builder
	cell := func(s string) { b.WriteString("<w:tc>" + para(s) + "</w:tc>") }
	b.WriteString(`<w:document xmlns:w="w"><w:body>` + para(p.Title) + `<w:tbl><w:tr>`)
	for _, h := range []string{"№ п/п", "Наименование мероприятия", "Срок исполнения", "Ответственные"} {
		cell(h)
	}
	b.WriteString("</w:tr>")
	for _, s := range p.Sections {
		b.WriteString(`<w:tr><w:tc><w:tcPr><w:gridSpan w:val="4"/></w:tcPr>` + para(s.Number+". "+s.Title) + "</w:tc></w:tr>")
		for _, i := range s.Items {
			b.WriteString("<w:tr>")
			cell(i.Number + ".")
			cell(i.Title)
			cell(i.Term.Text)
			cell(strings.Join(i.Responsible, "\n"))
			b.WriteString("</w:tr>")
		}
	}
	return pack2("word/document.xml", b.String()+"</w:tbl>"+para("Исполнитель")+"</w:body></w:document>")
}

// xlsx writes a plan as a workbook: numbers of items as numbers where they look
// like ones, so that 5.10 arrives as 5.1.
func xlsx(p Plan) string {
	var b, shared strings.Builder
	n, row := 0, 0
	text := func(col, s string) {
		fmt.Fprintf(&b, `<c r="%s%d" t="s"><v>%d</v></c>`, col, row, n)
		fmt.Fprintf(&shared, `<si><r><t xml:space="preserve">%s</t></r></si>`, esc(s))
		n++
	}
	open := func() { row++; fmt.Fprintf(&b, `<row r="%d">`, row) }
	open()
	text("A", p.Title)
	b.WriteString("</row>")
	open()
	for i, h := range []string{"№", "Наименование мероприятия", "Сроки", "Ответственный исполнитель"} {
		text(string(rune('A'+i)), h)
	}
	b.WriteString("</row>")
	for _, s := range p.Sections {
		open()
		text("A", s.Number+". "+s.Title)
		b.WriteString("</row>")
		for _, i := range s.Items {
			open()
			fmt.Fprintf(&b, `<c r="A%d"><v>%s</v></c>`, row, strings.TrimSuffix(i.Number, "0"))
			text("B", i.Title)
			text("C", i.Term.Text)
			text("D", strings.Join(i.Responsible, ", "))
			b.WriteString("</row>")
		}
	}
	return pack2(
		"xl/workbook.xml", `<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Пусто" r:id="rId2"/><sheet name="План" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Target="/xl/worksheets/sheet2.xml"/></Relationships>`,
		"xl/sharedStrings.xml", "<sst>"+shared.String()+"</sst>",
		"xl/worksheets/sheet1.xml", "<worksheet><sheetData>"+b.String()+"</sheetData></worksheet>",
		"xl/worksheets/sheet2.xml", "<worksheet><sheetData/></worksheet>")
}
