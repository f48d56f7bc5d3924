module github.com/lotsiya/lotsiya

go 1.26

