package parse

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// pack is an opened docx or xlsx. All that is read out of it counts against one
// limit, so that a small file cannot unpack into a large one.
type pack struct {
	files map[string]*zip.File
	left  int64
}

var errTooLarge = errors.New("too large when unpacked")

func openZip(data []byte, rep *report) (document, bool) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(z.File) > 5000 {
		rep.fault(0, "файл повреждён", "ожидался целый docx или xlsx")
		return document{}, false
	}
	p := &pack{map[string]*zip.File{}, maxUnpacked}
	for _, f := range z.File {
		p.files[f.Name] = f
	}
	var doc document
	switch {
	case p.files["word/document.xml"] != nil:
		doc, err = p.docx(rep)
	case p.files["xl/workbook.xml"] != nil:
		doc, err = p.xlsx(rep)
	default:
		rep.fault(0, "архив не похож на документ", "ожидался docx или xlsx")
		return document{}, false
	}
	switch {
	case errors.Is(err, errTooLarge):
		rep.fault(0, "документ в распакованном виде больше 48 МБ", "ожидался план без вложений")
	case err != nil:
		rep.fault(0, "документ повреждён", "ожидался целый docx или xlsx")
	case len(rep.faults) == 0:
		return doc, true
	}
	return document{}, false
}

// each walks the tokens of a part: f is given every token and the decoder.
func (p *pack) each(name string, f func(xml.Token) error) error {
	file := p.files[name]
	if file == nil {
		return fmt.Errorf("%s is missing", name)
	}
	if file.UncompressedSize64 > uint64(p.left) { // no more than this can be read: the reader stops there
		return errTooLarge
	}
	p.left -= int64(file.UncompressedSize64)
	r, err := file.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	d := xml.NewDecoder(r)
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(t); err != nil {
			return err
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// docx reads the paragraphs before the table of the plan and its rows, or,
// where there is no table, all paragraphs as a flow.
func (p *pack) docx(rep *report) (document, error) {
	type cell struct {
		paragraphs []string
		span       int
		down       bool // goes on with the cell above
		auto       bool // numbered by Word
	}
	var (
		before, all []string
		rows        []row
		cols        [4]int
		width       int
		depth       int // of tables
		cells       []cell
		text        strings.Builder
		numbering   bool
		deleted     int
		above       []string
		count       int
	)
	endRow := func() {
		count++
		var flat []string
		var auto bool
		for i, c := range cells {
			s := strings.Join(c.paragraphs, hard)
			if c.down && len(flat) < len(above) {
				s = above[len(flat)]
			}
			if i == 0 && c.auto && strings.TrimSpace(s) == "" {
				auto = true
			}
			flat = append(flat, s)
			for k := 1; k < c.span && len(flat) < maxCells; k++ {
				flat = append(flat, "")
			}
		}
		above = flat
		if c, ok := columns(flat); ok {
			if width == 0 {
				before = append([]string{}, all...)
			}
			cols, width = c, len(flat)
			return
		}
		if width == 0 {
			all = append(all, strings.Join(flat, " "))
			return
		}
		r := byColumn(count, flat, cols)
		if r.number == "" && len(flat) > 0 && r.title+r.term+r.organised == "" {
			r.number = strings.TrimSpace(strings.Join(flat, " "))
		}
		r.auto = auto && r.title != ""
		rows = append(rows, r)
	}
	err := p.each("word/document.xml", func(t xml.Token) error {
		switch e := t.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "tbl":
				depth++
			case "tr":
				if depth == 1 {
					cells = nil
				}
			case "tc":
				if depth == 1 {
					if len(cells) >= maxCells {
						return errTooLarge
					}
					cells = append(cells, cell{span: 1})
				}
			case "gridSpan":
				if n := atoi(attr(e, "val")); depth == 1 && len(cells) > 0 && n > 0 && n < maxCells {
					cells[len(cells)-1].span = n
				}
			case "vMerge":
				if v := attr(e, "val"); depth == 1 && len(cells) > 0 && (v == "" || v == "continue") {
					cells[len(cells)-1].down = true
				}
			case "p":
				text.Reset()
				numbering = false
			case "numPr":
				numbering = true
			case "br", "cr":
				text.WriteByte('\n')
			case "tab":
				text.WriteByte(' ')
			case "noBreakHyphen":
				text.WriteByte('-')
			case "del", "delText", "instrText", "moveFrom":
				deleted++
			}
		case xml.CharData:
			if deleted == 0 && text.Len() < 1<<20 {
				text.Write(e)
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "del", "delText", "instrText", "moveFrom":
				deleted--
			case "p":
				s := plain(text.String())
				text.Reset()
				if depth == 0 {
					all = append(all, strings.Split(s, "\n")...)
					break
				}
				if len(cells) == 0 {
					break
				}
				c := &cells[len(cells)-1]
				if numbering && len(cells) == 1 && strings.TrimSpace(s) == "" {
					c.auto = true
				} else if numbering && len(cells) > 1 && strings.TrimSpace(s) != "" && len(c.paragraphs) > 0 {
					s = "• " + s
				}
				if strings.TrimSpace(s) != "" {
					c.paragraphs = append(c.paragraphs, s)
				}
			case "tr":
				if depth == 1 {
					endRow()
				}
			case "tbl":
				depth--
			}
		}
		if len(all)+len(rows) > maxLines {
			return errTooLarge
		}
		return nil
	})
	if err != nil {
		return document{}, err
	}
	if width > 0 {
		return document{head: lines(before, 1), rows: rows}, nil
	}
	flow := lines(all, 1)
	if from, to := flowHeader(flow); to > 0 {
		return document{head: flow[:from], flow: flow[to:]}, nil
	}
	rep.fault(0, "таблица плана не найдена", headExpected)
	return document{}, nil
}

// xlsx reads the first sheet that has the heading of a plan.
func (p *pack) xlsx(rep *report) (document, error) {
	var shared []string
	if p.files["xl/sharedStrings.xml"] != nil {
		var b strings.Builder
		in, skip := false, 0
		err := p.each("xl/sharedStrings.xml", func(t xml.Token) error {
			switch e := t.(type) {
			case xml.StartElement:
				in = in || e.Name.Local == "t"
				if e.Name.Local == "rPh" {
					skip++
				}
			case xml.CharData:
				if in && skip == 0 {
					b.Write(e)
				}
			case xml.EndElement:
				switch e.Name.Local {
				case "t":
					in = false
				case "rPh":
					skip--
				case "si":
					shared = append(shared, b.String())
					b.Reset()
				}
			}
			return nil
		})
		if err != nil {
			return document{}, err
		}
	}
	targets := map[string]string{}
	err := p.each("xl/_rels/workbook.xml.rels", func(t xml.Token) error {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "Relationship" {
			target := attr(e, "Target")
			if strings.HasPrefix(target, "/") {
				target = strings.TrimPrefix(target, "/")
			} else {
				target = path.Join("xl", target)
			}
			targets[attr(e, "Id")] = target
		}
		return nil
	})
	if err != nil {
		return document{}, err
	}
	var sheets []string
	err = p.each("xl/workbook.xml", func(t xml.Token) error {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "sheet" {
			for _, a := range e.Attr {
				if a.Name.Local == "id" && strings.Contains(a.Name.Space, "relationships") {
					sheets = append(sheets, targets[a.Value])
				}
			}
		}
		return nil
	})
	if err != nil {
		return document{}, err
	}
	for _, s := range sheets {
		doc, ok, err := p.sheet(s, shared)
		if err != nil {
			return document{}, err
		}
		if ok {
			return doc, nil
		}
	}
	rep.fault(0, "таблица плана не найдена ни на одном листе", headExpected)
	return document{}, nil
}

func (p *pack) sheet(name string, shared []string) (document, bool, error) {
	type sheetRow struct {
		n       int
		cells   []string
		numeric []bool
	}
	var (
		rows   []sheetRow
		merged [][4]int // of cells merged downwards: column, first row, column, last row
		kind   string
		col    int
		value  strings.Builder
		in     bool
	)
	err := p.each(name, func(t xml.Token) error {
		switch e := t.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "row":
				n := atoi(attr(e, "r"))
				if n == 0 {
					n = 1
					if len(rows) > 0 {
						n = rows[len(rows)-1].n + 1
					}
				}
				if len(rows) >= maxLines {
					return errTooLarge
				}
				rows = append(rows, sheetRow{n: n})
				col = -1
			case "c":
				kind = attr(e, "t")
				value.Reset()
				if c, _ := cellRef(attr(e, "r")); c >= 0 {
					col = c
				} else {
					col++
				}
			case "v", "t":
				in = true
			case "rPh":
				in = false
			case "mergeCell":
				if a, b, ok := strings.Cut(attr(e, "ref"), ":"); ok {
					c1, r1 := cellRef(a)
					c2, r2 := cellRef(b)
					if c1 >= 0 && c1 == c2 && r2 > r1 && len(merged) < 2000 {
						merged = append(merged, [4]int{c1, r1, c2, r2})
					}
				}
			}
		case xml.CharData:
			if in {
				value.Write(e)
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "v", "t":
				in = false
			case "c":
				if col < 0 || col >= maxCells || len(rows) == 0 {
					break
				}
				s := value.String()
				numeric := false
				switch kind {
				case "s":
					if i, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && i >= 0 && i < len(shared) {
						s = shared[i]
					} else {
						s = ""
					}
				case "", "n":
					if f, err := strconv.ParseFloat(s, 64); err == nil {
						s, numeric = strconv.FormatFloat(f, 'g', 10, 64), true
					}
				case "e":
					s = ""
				}
				r := &rows[len(rows)-1]
				for len(r.cells) <= col {
					r.cells, r.numeric = append(r.cells, ""), append(r.numeric, false)
				}
				r.cells[col], r.numeric[col] = strings.ReplaceAll(plain(s), "\n", hard), numeric
			}
		}
		return nil
	})
	if err != nil {
		return document{}, false, err
	}
	byNumber := map[int]*sheetRow{}
	for i := range rows {
		byNumber[rows[i].n] = &rows[i]
	}
	for _, m := range merged {
		top := byNumber[m[1]]
		if top == nil || m[0] >= len(top.cells) {
			continue
		}
		for i := range rows {
			if r := &rows[i]; r.n > m[1] && r.n <= m[3] {
				for len(r.cells) <= m[0] {
					r.cells, r.numeric = append(r.cells, ""), append(r.numeric, false)
				}
				r.cells[m[0]] = top.cells[m[0]]
			}
		}
	}
	for i, r := range rows {
		cols, ok := columns(r.cells)
		if !ok {
			continue
		}
		var doc document
		for _, h := range rows[:i] {
			for _, c := range h.cells {
				for _, s := range strings.Split(c, hard) {
					if s = strings.TrimSpace(s); s != "" {
						doc.head = append(doc.head, line{h.n, s, 1})
					}
				}
			}
		}
		for _, b := range rows[i+1:] {
			if c, again := columns(b.cells); again {
				cols = c
				continue
			}
			x := byColumn(b.n, b.cells, cols)
			if cols[0] < len(b.numeric) {
				x.numeric = b.numeric[cols[0]]
			}
			doc.rows = append(doc.rows, x)
		}
		return doc, true, nil
	}
	return document{}, false, nil
}

// cellRef gives the column (from 0) and the row of a reference such as B12.
func cellRef(s string) (col, row int) {
	i, c := 0, 0
	for i < len(s) && s[i] >= 'A' && s[i] <= 'Z' && i < 3 {
		c = c*26 + int(s[i]-'A') + 1
		i++
	}
	return c - 1, atoi(s[i:])
}
